//! The outputs as the pipeline sees them: one way out, into the spool. Standard output gets what it always did, beside it
//! and without holding it up.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use tracing::{info, warn};

use super::{
    Output, OutputError,
    supervisor::{self, Supervisor},
};
use crate::{
    alert::{Message, Origin},
    config::OutputConfig,
    spool::{Settings, Spool, SpoolError, store::Losses},
};

/// How long outputs may take at the end for what is in the spool.
pub const DRAIN_MAX: Duration = Duration::from_secs(3);
/// Alerts that may wait for standard output.
pub const PRINT_QUEUE_MAX: usize = 1024;

pub struct Spooled {
    spool: Arc<Spool>,
    outputs: Vec<OutputConfig>,
    /// Until it is started.
    beside: Option<Box<dyn Output>>,
    printer: Option<SyncSender<Message>>,
    not_printed: u64,
}

impl Spooled {
    /// Takes up the spool where it was left; starts nothing.
    pub fn open(
        settings: Settings,
        outputs: Vec<OutputConfig>,
        beside: Option<Box<dyn Output>>,
        origin: Arc<Origin>,
    ) -> Result<Spooled, SpoolError> {
        let names: Vec<_> = outputs.iter().map(|output| output.name.clone()).collect();
        let spool = Arc::new(Spool::open(settings, &names, origin)?);
        Ok(Spooled { spool, outputs, beside, printer: None, not_printed: 0 })
    }

    /// Messages that are in the spool since it was opened, and those that are lost to it.
    pub fn counts(&self) -> (u64, Losses) {
        self.spool.counts()
    }

    /// For whoever wants to know how the outputs fare.
    pub fn spool(&self) -> Arc<Spool> {
        self.spool.clone()
    }

    fn print(&mut self, message: &Message) {
        let Some(printer) = &self.printer else { return };
        match printer.try_send(message.clone()) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                if self.not_printed == 0 {
                    warn!("standard output is not read; alerts go to the outputs alone");
                }
                self.not_printed += 1;
            }
            Err(TrySendError::Disconnected(_)) => {
                info!("standard output is closed; alerts go to the outputs alone");
                self.printer = None;
            }
        }
    }
}

fn print_all(mut output: Box<dyn Output>) -> io::Result<SyncSender<Message>> {
    let (sender, queue) = sync_channel::<Message>(PRINT_QUEUE_MAX);
    let print = move || {
        while let Ok(message) = queue.recv() {
            match output.write(&[message]) {
                Ok(()) => {}
                // Whoever sends finds out.
                Err(OutputError::Closed) => return,
                Err(error) => {
                    warn!(error = %anyhow::Error::from(error), "print an alert");
                    return;
                }
            }
        }
    };
    thread::Builder::new().name("stdout".to_owned()).spawn(print)?;
    Ok(sender)
}

impl Output for Spooled {
    fn start(&mut self) -> Result<(), OutputError> {
        self.spool.start()?;
        for (place, output) in self.outputs.drain(..).enumerate() {
            let OutputConfig { name, format, filter, timeout, batch, to } = output;
            let open: supervisor::Open = Box::new(move || super::open(to.clone(), timeout));
            let transport = open().map_err(|source| OutputError::Open { name: name.clone(), source })?;
            info!(output = name, "sends alerts");
            let spool = Arc::clone(&self.spool);
            let supervisor = Supervisor { spool, place, name, filter, format, batch, open };
            supervisor.start(transport).map_err(OutputError::Thread)?;
        }
        self.printer = self.beside.take().map(print_all).transpose().map_err(OutputError::Thread)?;
        Ok(())
    }

    fn write(&mut self, messages: &[Message]) -> Result<(), OutputError> {
        self.spool.write(messages)?;
        messages.iter().for_each(|message| self.print(message));
        Ok(())
    }

    fn end(&mut self) {
        self.printer = None;
        self.spool.end(DRAIN_MAX);
        if self.not_printed > 0 {
            warn!(not_printed = self.not_printed, "standard output was not read");
        }
    }
}
