//! The disk as the recorder sees it: a few operations, so that tests can have a full one, or one that is stuck.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::Path;

/// A file being written.
pub trait Target: Write + Seek + Send {}

impl<T: Write + Seek + Send> Target for T {}

/// What a recorder needs of a disk.
pub trait Disk: Send + Debug + 'static {
    /// Makes a file that is not there yet.
    ///
    /// # Errors
    /// Those of the file system; `AlreadyExists` among them.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Target>>;

    /// How much room there is, in bytes.
    ///
    /// # Errors
    /// Those of the file system.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;
}

/// The real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Target>> {
        Ok(Box::new(new_file(path)?))
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let room = nix::sys::statvfs::statvfs(folder)?;
        // What others than root may use. The types differ by platform.
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
        Ok((room.blocks_available() as u64).saturating_mul(room.fragment_size() as u64))
    }
}

/// Recordings are nobody's business but the owner's.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)
}
