//! The kernel side: programs that watch, and hand records to the daemon through a ring buffer.
//!
//! A hook (one file an event) says when and what; `read` knows the kernel's structs; `emit` is the only way out.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)] // the verifier sometimes needs an instruction exactly where it is written
#![feature(stmt_expr_attributes)] // closures that several programs share are inlined, or they become functions of their own

mod cgroups;
mod emit;
mod filter;
mod hooks;
mod maps;
mod read;
mod scratch;
mod tail;
mod told;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

// The helpers that read kernel memory are for GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
