//! The condition language as written: its tree, the parser, the printer, lists and macros put in. No fields are
//! looked up here and nothing has a type yet.

pub mod expand;
pub mod parse;
pub mod print;
pub mod scan;
pub mod template;
pub mod tree;

pub use tree::{Call, Check, Expr, FieldRef, Literal, Operand, Operator, Quantifier, Right, Transformer};
