//! The rules of the house that a compiler does not keep; the tests are the content.
