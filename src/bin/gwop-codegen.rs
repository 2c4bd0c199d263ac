//! Prints TypeScript: `gwop-codegen` the types of every model, `gwop-codegen wire` the same with the wire's own names.

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
