//! Prints the TypeScript types of every model.
//!
//! `gwop-codegen` uses the JavaScript names, and `gwop-codegen wire` uses the names on the wire.

use gwop::model::{Naming, codegen};

fn main() {
    print!(
        "{}",
        match std::env::args().nth(1).as_deref() {
            Some("wire") => codegen::typescript(Naming::Wire),
            _ => codegen::typescript(Naming::JavaScript),
        }
    );
}
