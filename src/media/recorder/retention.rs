//! Deleting recordings that are old: only those that this recorder made, only beneath its folder, never through a link.

use super::sidecar::{MADE_BY, Sidecar};
use crate::engine::time::Wall;
use std::fs;
use std::path::Path;

/// How deep recordings may lie.
const DEPTH_MAX: usize = 8;
/// The longest papers that are read, in bytes.
const SIDECAR_MAX: u64 = 1 << 20;
const DAY_MS: i64 = 86_400_000;

/// Deletes what began more than `days` before `now`; returns how many recordings.
pub(super) fn sweep(folder: &Path, now: Wall, days: u32) -> usize {
    sweep_folder(folder, now.0.saturating_sub(i64::from(days) * DAY_MS), 0)
}

fn sweep_folder(folder: &Path, before_unix_ms: i64, depth: usize) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut deleted = 0;
    for entry in entries.filter_map(Result::ok) {
        // Of the entry itself: a link is neither a folder nor a file here.
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() && depth < DEPTH_MAX {
            let below = sweep_folder(&path, before_unix_ms, depth + 1);
            deleted += below;
            if below > 0 {
                // Goes only if nothing is left in it.
                let _ = fs::remove_dir(&path);
            }
        } else if kind.is_file() && path.extension().is_some_and(|ext| ext == "json") {
            deleted += usize::from(is_old(&path, before_unix_ms) && delete(&path));
        }
    }
    deleted
}

fn is_old(papers: &Path, before_unix_ms: i64) -> bool {
    if fs::symlink_metadata(papers).map_or(u64::MAX, |metadata| metadata.len()) > SIDECAR_MAX {
        return false;
    }
    let sidecar = fs::read(papers).ok().and_then(|text| serde_json::from_slice::<Sidecar>(&text).ok());
    sidecar.is_some_and(|sidecar| sidecar.made_by == MADE_BY && sidecar.started_unix_ms < before_unix_ms)
}

/// The sound first: while the papers are there, the rest is found again.
fn delete(papers: &Path) -> bool {
    for sound in [papers.with_extension("wav"), papers.with_extension("wav.part")] {
        if fs::symlink_metadata(&sound).is_ok_and(|metadata| metadata.is_file())
            && fs::remove_file(&sound).is_err()
        {
            return false;
        }
    }
    fs::remove_file(papers).is_ok()
}
