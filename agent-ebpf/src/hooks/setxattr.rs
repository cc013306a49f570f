//! `setxattr`.

use nightjar_events::event::{
    call::{NAME, NAME_2},
    setxattr::Setxattr,
};

use super::call::{CWD, Ended, programs};
use crate::read::user;

programs!(Setxattr, tell: setxattr_told setxattr_exit,
    0 setxattr_returned 1 lsetxattr_returned 2 fsetxattr_returned 3 setxattrat_returned
);

const FSETXATTR: u16 = 2;
const SETXATTRAT: u16 = 3;

/// `struct xattr_args` behind its first member, the value's address (include/uapi/linux/xattr.h).
#[repr(C)]
#[derive(Clone, Copy)]
struct SizeFlags {
    size: u32,
    flags: u32,
}

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    ended.texts::<Setxattr>(
        #[inline(always)]
        |texts| {
            if ended.variant == SETXATTRAT {
                let given = user::<SizeFlags>(regs.arg4() + 8);
                texts.path::<NAME>(regs.arg0(), regs.arg1());
                texts.text::<NAME_2>(regs.arg3());
                texts.args().put::<3>(given.size.into());
                texts.args().put::<4>(given.flags.into());
                return;
            }
            match ended.variant {
                FSETXATTR => texts.file::<NAME>(regs.arg0()),
                _ => texts.path::<NAME>(CWD, regs.arg0()),
            }
            texts.text::<NAME_2>(regs.arg1());
        },
    );
}
