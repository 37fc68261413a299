//! Standard input and output as one connection: two pipes, or the two ends of one socket.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net;

use tokio::io::{AsyncRead, AsyncWrite, Join, join};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::{Receiver, Sender};

/// What comes on standard input, and goes on standard output.
pub(crate) type Pipe = Join<Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>>;

/// Takes over standard input and output.
///
/// # Errors
/// They are closed, or files.
pub(crate) fn open() -> io::Result<Pipe> {
    let (input, output) = (io::stdin(), io::stdout());
    let input: Box<dyn AsyncRead + Send + Unpin> = match Receiver::from_owned_fd(owned(&input)?) {
        Ok(pipe) => Box::new(pipe),
        Err(_) => Box::new(socket(owned(&input)?)?),
    };
    let output: Box<dyn AsyncWrite + Send + Unpin> = match Sender::from_owned_fd(owned(&output)?) {
        Ok(pipe) => Box::new(pipe),
        Err(_) => Box::new(socket(owned(&output)?)?),
    };
    Ok(join(input, output))
}

fn owned(of: &impl AsFd) -> io::Result<OwnedFd> {
    of.as_fd().try_clone_to_owned()
}

fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let socket = net::UnixStream::from(fd);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}
