//! Pure folds over the engine's facts.
