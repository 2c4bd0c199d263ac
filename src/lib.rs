//! Gwop.
