//! baresip, headless: it says a tone, and records what it hears.

use super::audio::Recording;
use super::peer::{Peer, free_port};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A baresip that says a tone and records everything it hears; µ-law or A-law only, to choose the transcoding.
pub fn baresip(folder: &Path, account: &str, hz: f64, codec_order: &str, dial: Option<&str>) -> Peer {
    let tone = folder.join("tone.wav");
    Recording::write_tone(&tone, hz, 30, 8000);
    let here = folder.display();
    let rtp = free_port();
    let config = format!(
        "poll_method epoll\nsip_listen 127.0.0.1:{port}\nnet_interface 127.0.0.1\ncall_local_timeout 120\n\
         audio_source aufile,{tone}\naudio_player nil,nil\nausrc_srate 8000\nauplay_srate 8000\n\
         ausrc_channels 1\nauplay_channels 1\nrtp_ports {rtp}-{rtp_last}\nmodule_path {modules}\n\
         module g711.so\nmodule aufile.so\nmodule sndfile.so\nmodule_tmp account.so\nmodule_app menu.so\n\
         snd_path {here}\n",
        port = free_port(),
        tone = tone.display(),
        rtp_last = rtp + 20,
        modules = baresip_modules().display(),
    );
    std::fs::write(folder.join("config"), config).expect("written");
    std::fs::write(folder.join("accounts"), format!("{account};audio_codecs={codec_order}\n"))
        .expect("written");
    std::fs::write(folder.join("contacts"), "").expect("written");
    let mut command = Command::new("baresip");
    command.arg("-f").arg(folder).args(["-s", "-t", "90"]);
    if let Some(uri) = dial {
        command.args(["-e", &format!("/dial {uri}")]);
    }
    Peer::start(&mut command, &folder.join("log"))
}

fn baresip_modules() -> PathBuf {
    [
        "/usr/lib/baresip/modules",
        "/usr/lib/x86_64-linux-gnu/baresip/modules",
        "/usr/lib/aarch64-linux-gnu/baresip/modules",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.is_dir())
    .expect("baresip's modules; `tests/run` installs them")
}

/// What a baresip heard, once it has finished writing it.
pub fn heard(folder: &Path) -> Recording {
    let path = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.to_string_lossy().ends_with("-dec.wav"))
        .expect("a recording of what was heard");
    Recording::read(&path)
}
