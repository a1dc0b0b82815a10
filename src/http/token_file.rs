//! The token that is made up when none is configured: kept in a file that only its owner may read.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why there is no token file.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file cannot be made or read.
    #[error(
        "the API token cannot be kept in {path}: {error}; make the folder writable, or configure [[http.token]]"
    )]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file can be read by others.
    #[error("{path} can be read by others; run `chmod 600 {path}`, or delete it to have a new one made")]
    Exposed {
        /// Which file.
        path: PathBuf,
    },
    /// The file is empty or far too long.
    #[error("{path} holds no token; delete it to have a new one made")]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// The token in `folder/api-token` and the file's path; made at the first start, kept from then on.
///
/// # Errors
/// When the file cannot be made, or anybody else could read it.
pub fn token_file(folder: &Path) -> Result<(String, PathBuf), TokenFileError> {
    let path = folder.join("api-token");
    let failed = |error| TokenFileError::File { path: path.clone(), error };
    std::fs::create_dir_all(folder).map_err(failed)?;
    // create_new neither follows a link nor overwrites a file that somebody else has put there.
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let mut bytes = [0u8; 32];
            getrandom::fill(&mut bytes).map_err(TokenFileError::Random)?;
            let token = hex::encode(bytes);
            file.write_all(format!("{token}\n").as_bytes()).map_err(failed)?;
            Ok((token, path))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let about = std::fs::metadata(&path).map_err(failed)?;
            if about.permissions().mode() & 0o077 != 0 {
                return Err(TokenFileError::Exposed { path });
            }
            let token = std::fs::read_to_string(&path).map_err(failed)?.trim().to_owned();
            match token.len() {
                16..=512 => Ok((token, path)),
                _ => Err(TokenFileError::Empty { path }),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let (token, path) = token_file(&folder.path().join("data")).unwrap();
        assert_eq!(token.len(), 64);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(token_file(&folder.path().join("data")).unwrap().0, token);
    }

    #[test]
    fn a_token_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (_, path) = token_file(folder.path()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(token_file(folder.path()).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn an_empty_token_file_does_not_open_the_api() {
        let folder = tempfile::tempdir().unwrap();
        let (_, path) = token_file(folder.path()).unwrap();
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(token_file(folder.path()), Err(TokenFileError::Empty { .. })));
    }
}
