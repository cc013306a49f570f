//! `mount`.

use nightjar_events::event::{
    call::{DIR_2, NAME, NAME_2},
    mount::Mount,
};

use super::call::{CWD, Ended, programs};

programs!(Mount, tell: mount_told mount_exit, 0 mount_returned 1 umount2_returned 2 move_mount_returned);

const MOUNT: u16 = 0;
const UMOUNT2: u16 = 1;

#[inline(always)]
fn tell(ended: Ended) {
    let regs = ended.regs;
    let (device, dirfd, name) = match ended.variant {
        MOUNT => (regs.arg0(), CWD, regs.arg1()),
        UMOUNT2 => (0, CWD, regs.arg0()),
        _ => (regs.arg1(), regs.arg2(), regs.arg3()),
    };
    ended.texts::<Mount>(
        #[inline(always)]
        |texts| {
            texts.path::<NAME>(dirfd, name);
            texts.text::<NAME_2>(device);
            if ended.variant == MOUNT {
                texts.text::<DIR_2>(regs.arg2());
            }
        },
    );
}
