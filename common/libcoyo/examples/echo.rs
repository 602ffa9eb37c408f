// SPDX-License-Identifier: BSD-3-Clause
//! An echo by FFI: `echo PORT` serves, with a thread for each stream; `echo NODE PORT TEXT` asks. rustc -lcoyo echo.rs
use std::os::raw::{c_char, c_int, c_void};
use std::{ffi::CString, io::Error, ptr::null, ptr::null_mut};

#[repr(C)]
struct Address { family: u16, port: u16, pad: u32, id: [u8; 64] }

extern "C" {
    fn coyo_resolve(daemon: *const c_char, name: *const c_char, id: *mut u8, why: *mut c_char) -> c_int;
    fn coyo_socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn coyo_bind(h: c_int, to: *const Address, n: u32) -> c_int;
    fn coyo_listen(h: c_int, backlog: c_int) -> c_int;
    fn coyo_accept(h: c_int, from: *mut Address, n: *mut u32) -> c_int;
    fn coyo_connect(h: c_int, to: *const Address, n: u32) -> c_int;
    fn coyo_send(h: c_int, bytes: *const c_void, n: usize, flags: c_int) -> isize;
    fn coyo_recv(h: c_int, bytes: *mut c_void, n: usize, flags: c_int) -> isize;
    fn coyo_close(h: c_int) -> c_int;
}

fn ok(r: c_int) -> Result<c_int, Error> {
    if r < 0 { Err(Error::last_os_error()) } else { Ok(r) }
}
fn send(h: c_int, b: &[u8]) -> bool {
    unsafe { coyo_send(h, b.as_ptr().cast(), b.len(), 0) == b.len() as isize }
}
fn recv(h: c_int, b: &mut [u8]) -> usize {
    unsafe { coyo_recv(h, b.as_mut_ptr().cast(), b.len(), 0).max(0) as usize }
}
fn echo(h: c_int) {
    let mut b = vec![0; 65536];
    while let n @ 1.. = recv(h, &mut b) { if !send(h, &b[..n]) { break; } }
    unsafe { coyo_close(h); }
}

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().collect();
    let port: u16 = args[args.len() / 2].parse().expect("a port");
    let mut to = Address { family: 0x4359, port: port.to_be(), pad: 0, id: [0; 64] };
    unsafe {
        let h = ok(coyo_socket(0x4359, 1, 0))?;
        if let [_, node, _, text] = &args[..] {
            ok(coyo_resolve(null(), CString::new(&node[..])?.as_ptr(), to.id.as_mut_ptr(), null_mut())).expect("a node");
            ok(coyo_connect(h, &to, 72))?;
            send(h, text.as_bytes());
            let mut b = vec![0; 65536];
            let n = recv(h, &mut b);
            println!("{}", String::from_utf8_lossy(&b[..n]));
            return Ok(());
        }
        ok(coyo_bind(h, &to, 72))?;
        ok(coyo_listen(h, 64))?;
        println!("listening on {port}");
        loop {
            let s = ok(coyo_accept(h, null_mut(), null_mut()))?;
            std::thread::spawn(move || echo(s));
        }
    }
}
