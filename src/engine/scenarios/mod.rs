//! Behaviours of the engine.
