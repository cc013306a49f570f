//! A decoded body as the bytes that it was read from.

use nightjar_events::Body;
use zerocopy::IntoBytes;

macro_rules! bodies {
    ($body:ident: $($kind:ident)*) => {
        match $body { $(Body::$kind(body) => body.as_bytes()),* }
    };
}

pub fn of(body: &Body) -> &[u8] {
    bodies! { body:
        Exec Fork Exit Open Connect ConnectResult CgroupMkdir CgroupRmdir Unlink Rename Link Symlink Mkdir Mknod Chmod
        Chown Mount Setuid Capset Unshare Setns Prctl Ptrace ProcessVm Kill Module Bpf MemfdCreate Userfaultfd SocketCall
        Dup Bind Listen Accept Send Receive
    }
}
