//! `capset`: what the kernel made of it, not what the caller's memory says.

use nightjar_events::event::capset::Capset;

use super::call::{Ended, programs};
use crate::{
    offset,
    read::{read, task::Task},
};

programs!(Capset, tell: capset_told capset_exit, 0 capset_returned);

#[inline(always)]
fn tell(ended: Ended) {
    let cred = Task::current().cred();
    ended.numbers_and::<Capset>(
        #[inline(always)]
        |args| {
            args.put::<2>(read(cred + offset!(cred_cap_inheritable)));
            args.put::<3>(read(cred + offset!(cred_cap_permitted)));
            args.put::<4>(read(cred + offset!(cred_cap_effective)));
        },
    );
}
