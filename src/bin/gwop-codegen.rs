//! Prints the TypeScript types of every model: `gwop-codegen`, or `gwop-codegen wire` for the wire's own names.

use gwop::model::{Naming, codegen};

fn main() {
    let naming = match std::env::args().nth(1).as_deref() {
        Some("wire") => Naming::Wire,
        _ => Naming::JavaScript,
    };
    print!("{}", codegen::typescript(naming));
}
