//! Where a program could not do what it wanted, and went on without: each place is counted. Not for what the ledger
//! counts as lost, of which two places say why; and not for kernel objects that are not there, which read as zero.

macro_rules! places {
    ($($(#[doc = $doc:literal])* $name:ident $text:literal;)*) => {
        /// Index of the map `FAILURES`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Place { $($(#[doc = $doc])* $name),* }

        impl Place {
            pub const ALL: &[Place] = &[$(Place::$name),*];

            /// What failed, in a word or two, and what it costs.
            pub fn text(self) -> &'static str {
                match self { $(Place::$name => $text),* }
            }
        }
    };
}

places! {
    Ring "the ring had no room: the event is lost";
    Slot "no slot was free to build a record in: the event is lost";
    CgroupRow "no row could be made for a cgroup: its event is counted by event alone";
    KernelText "a text of the kernel's could not be read: the record has none";
    PathComponent "a component of a path could not be read: it is empty in the record";
    Argv "the arguments of an exec could not be read: the record has none";
    /// Refused by the map of former names.
    FormerNameKept "a name before an exec could not be kept";
    FormerNameGone "a name before an exec was there no more: the record has none";
    EndKept "the end of a process could not be noted: it may be told twice";
    OpenName "the name of an open could not be read from its caller's memory: the record has none";
    OpenHow "the wishes of an openat2 could not be read from its caller's memory: they read as zero";
    OpenLate "an open that succeeded was told by nobody before its call returned: its name is from user memory";
    ConnectAddress "the address of a connect could not be read: it reads as zero";
    ConnectPath "the path of a connect could not be read: the record has none";
    ConnectingKept "a TCP connect on its way could not be kept: its result is not told";
    ConnectingGone "a TCP connect on its way was there no more: its result is not told";
}

impl Place {
    pub const COUNT: usize = Place::ALL.len();
}
