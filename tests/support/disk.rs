//! A small disk under a running engine, which can be filled and emptied. Nobody else's disk is touched.

use super::engine::Holdfast;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How it is made. Both do for anybody: one needs no right to mount anything.
#[derive(Clone, Copy, Debug)]
pub enum SmallDisk {
    /// A file system in memory that only the engine sees (user and mount namespaces): there is no space left (ENOSPC).
    Mounted,
    /// No file of the engine's may grow (RLIMIT_FSIZE): every write is refused (EFBIG).
    Limited,
}

impl SmallDisk {
    /// Those that can be made here.
    pub fn possible() -> Vec<Self> {
        let may_mount = "mount -t tmpfs -o size=1m none /mnt";
        let output = Command::new("unshare").args(["-rm", "sh", "-c", may_mount]).output();
        let may_mount = output.is_ok_and(|output| output.status.success());
        may_mount.then_some(Self::Mounted).into_iter().chain([Self::Limited]).collect()
    }

    /// The folder that lies on it.
    pub fn folder(folder: &Path) -> PathBuf {
        folder.join("disk")
    }

    /// The command line that makes it and becomes the engine.
    pub fn command(self, folder: &Path) -> Vec<String> {
        let disk = Self::folder(folder);
        std::fs::create_dir(&disk).expect("a folder");
        let disk = disk.display().to_string();
        let words = match self {
            Self::Mounted => {
                ["unshare", "-rm", "sh", "-c", r#"mount -t tmpfs -o size=4m none "$0" && exec "$@""#, &disk]
                    .to_vec()
            }
            // Or the first write too many would end the process.
            Self::Limited => ["sh", "-c", r#"trap "" XFSZ; exec "$@""#, "sh"].to_vec(),
        };
        words.into_iter().map(str::to_owned).collect()
    }

    /// From now on nothing more can be written.
    pub fn fill(self, engine: &Holdfast) {
        match self {
            Self::Mounted => {
                let mut file = File::create(filler(engine)).expect("a file on the small disk");
                for chunk in [65_536, 4_096, 1] {
                    while file.write(&vec![1; chunk]).is_ok_and(|written| written > 0) {}
                }
            }
            Self::Limited => file_size_max(engine, "0:unlimited"),
        }
    }

    /// And now it can.
    pub fn empty(self, engine: &Holdfast) {
        match self {
            Self::Mounted => std::fs::remove_file(filler(engine)).expect("the file that fills the disk"),
            Self::Limited => file_size_max(engine, "unlimited"),
        }
    }
}

/// As the engine sees its folder.
fn filler(engine: &Holdfast) -> PathBuf {
    let disk = SmallDisk::folder(engine.folder.path());
    let root = PathBuf::from(format!("/proc/{}/root", engine.pid()));
    root.join(disk.strip_prefix("/").expect("an absolute path")).join("filler")
}

fn file_size_max(engine: &Holdfast, limit: &str) {
    let (pid, limit) = (engine.pid().to_string(), format!("--fsize={limit}"));
    assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().expect("prlimit runs").success());
}
