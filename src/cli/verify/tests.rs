//! Placeholder of three
//! lines for
//! now.
