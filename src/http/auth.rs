//! Who may use the API: bearer tokens (RFC 6750) with roles. Only hashes of tokens are kept.

use super::Api;
use super::error::ApiError;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError, RwLock};

/// What a token allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Looking.
    Read,
    /// Looking, and changing: agents' states and skills, where calls stand and go, which queues are open.
    Operator,
}

/// A token's hash and what it allows.
#[derive(Clone, Debug)]
pub struct Token {
    name: String,
    hash: [u8; 32],
    role: Role,
}

impl Token {
    /// Forgets the token itself at once. `name` is for the log.
    pub fn new(name: impl Into<String>, token: &str, role: Role) -> Self {
        Self { name: name.into(), hash: Sha256::digest(token.as_bytes()).into(), role }
    }
}

/// All tokens that are valid; clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<RwLock<Vec<Token>>>);

impl Tokens {
    /// Without any token nobody may use the API.
    pub fn new(tokens: impl IntoIterator<Item = Token>) -> Self {
        Self(Arc::new(RwLock::new(tokens.into_iter().collect())))
    }

    /// These tokens are valid from now on, and no others.
    pub fn replace(&self, tokens: impl IntoIterator<Item = Token>) {
        let tokens = tokens.into_iter().collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// The token that was presented. Takes as long for a wrong one as for a right one.
    fn recognise(&self, presented: &str) -> Option<Token> {
        let hash: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let mut found = None;
        for token in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if equal_in_constant_time(&token.hash, &hash) {
                found = Some(token.clone());
            }
        }
        found
    }
}

/// Compares every byte, wherever the first difference is.
fn equal_in_constant_time(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let difference = a.iter().zip(b).fold(0u8, |difference, (a, b)| difference | (a ^ b));
    std::hint::black_box(difference) == 0
}

/// Lets only operators pass, though they merely look.
pub(super) async fn require_operator(State(api): State<Api>, request: Request, next: Next) -> Response {
    let token = presented(&request).and_then(|presented| api.tokens.recognise(presented));
    match token {
        Some(token) if token.role >= Role::Operator => next.run(request).await,
        Some(_) => refused(StatusCode::FORBIDDEN),
        None => refused(StatusCode::UNAUTHORIZED),
    }
}

/// The bearer token of a request (RFC 6750 §2.1).
fn presented(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Lets a request pass when its token's role allows it. What is refused reads the same whatever the reason.
pub(super) async fn require(State(api): State<Api>, request: Request, next: Next) -> Response {
    let wanted = match *request.method() {
        Method::GET | Method::HEAD => Role::Read,
        _ => Role::Operator,
    };
    let token = presented(&request).and_then(|presented| api.tokens.recognise(presented));
    match token {
        Some(token) if token.role >= wanted => {
            if wanted == Role::Read {
                return next.run(request).await;
            }
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let response = next.run(request).await;
            // What was refused must not read like what was done.
            let status = response.status().as_u16();
            tracing::info!(token = %token.name, %method, path, status, "API request");
            response
        }
        Some(_) => refused(StatusCode::FORBIDDEN),
        None => refused(StatusCode::UNAUTHORIZED),
    }
}

fn refused(status: StatusCode) -> Response {
    let hint = "send \"Authorization: Bearer TOKEN\" with a token whose role allows this; [[http.token]] configures them";
    ApiError::new(status, "not allowed", hint).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_is_recognised() {
        let tokens =
            Tokens::new([Token::new("a", "alpha", Role::Read), Token::new("b", "beta", Role::Operator)]);
        assert_eq!(tokens.recognise("beta").map(|token| token.role), Some(Role::Operator));
        for wrong in ["", "bet", "betaa", "Beta"] {
            assert!(tokens.recognise(wrong).is_none(), "{wrong}");
        }
        assert!(Tokens::default().recognise("").is_none());
    }

    #[test]
    fn a_token_that_was_replaced_opens_nothing_any_more() {
        let tokens = Tokens::new([Token::new("a", "alpha", Role::Read)]);
        let seen_by_the_api = tokens.clone();
        tokens.replace([Token::new("b", "beta", Role::Read)]);
        assert!(seen_by_the_api.recognise("alpha").is_none());
        assert!(seen_by_the_api.recognise("beta").is_some());
    }

    #[test]
    fn debug_output_does_not_hold_the_token() {
        assert!(!format!("{:?}", Token::new("a", "canary", Role::Read)).contains("canary"));
    }
}
