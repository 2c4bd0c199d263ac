//! Prints the TypeScript types of every model.

fn main() {
    print!("{}", gwop::model::codegen::typescript());
}
