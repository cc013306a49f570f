//! The processes of an incident: those that did something, and the way from the tree's root to them.

use std::sync::Arc;

use crate::{Event, Process};

/// Most processes of one incident that are kept.
pub const NODES_MAX: usize = 64;
/// Most bytes of arguments that are kept of a process.
const ARGS_MAX: usize = 1024;

#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// A parent is before its children.
    nodes: Vec<Node>,
    /// Findings of processes that had no room.
    pub left_out: u64,
}

#[derive(Clone, Debug)]
pub struct Node {
    /// The latest program that it ran, without ancestors.
    pub process: Arc<Process>,
    /// Place among the nodes.
    parent: Option<usize>,
    /// What was found of this process itself.
    pub findings: u64,
}

impl Tree {
    /// Counts a finding for the event's process, of whose lineage so many belong to the tree. Gives the bytes by which the
    /// tree has grown.
    pub fn add(&mut self, event: &Event, size: usize) -> usize {
        let lineage: Vec<&Process> = event.lineage().take(size).collect();
        let (mut parent, mut grown) = (None, 0);
        for process in lineage.into_iter().rev() {
            let same = |node: &Node| (node.process.pid, node.process.start) == (process.pid, process.start);
            parent = match self.nodes.iter().position(same) {
                Some(at) => {
                    let node = &mut self.nodes[at];
                    if (&node.process.exe_path, node.process.args.first())
                        != (&process.exe_path, process.args.first())
                    {
                        node.process = Arc::new(bare(process));
                    }
                    Some(at)
                }
                None if self.nodes.len() < NODES_MAX => {
                    let node = Node { process: Arc::new(bare(process)), parent, findings: 0 };
                    // Room for another program with more arguments.
                    grown += size_of::<Node>() + bytes(&node.process) + ARGS_MAX;
                    self.nodes.push(node);
                    Some(self.nodes.len() - 1)
                }
                None => {
                    self.left_out += 1;
                    return grown;
                }
            };
        }
        if let Some(own) = parent {
            self.nodes[own].findings += 1;
        }
        grown
    }

    /// Each process with its depth, children behind their parent.
    pub fn rows(&self) -> Vec<(usize, &Node)> {
        let mut rows = Vec::with_capacity(self.nodes.len());
        let children = |parent: Option<usize>| {
            let of = move |(at, node): (usize, &Node)| (node.parent == parent).then_some(at);
            self.nodes.iter().enumerate().filter_map(of).rev()
        };
        let mut open: Vec<(usize, usize)> = children(None).map(|at| (0, at)).collect();
        while let Some((depth, at)) = open.pop() {
            rows.push((depth, &self.nodes[at]));
            open.extend(children(Some(at)).map(|child| (depth + 1, child)));
        }
        rows
    }

    /// Pid of the node's parent, if that is in the tree.
    pub fn parent(&self, node: &Node) -> Option<u32> {
        node.parent.map(|at| self.nodes[at].process.pid)
    }
}

/// A process by itself, its arguments shortened.
pub fn bare(process: &Process) -> Process {
    let mut left = ARGS_MAX;
    let fits = |arg: &&Vec<u8>| {
        let room = arg.len() <= left;
        left = left.saturating_sub(arg.len());
        room
    };
    let args: Vec<_> = process.args.iter().take_while(fits).cloned().collect();
    let args_cut = process.args_cut || args.len() < process.args.len();
    Process { parent: None, args, args_cut, ..process.clone() }
}

pub fn bytes(process: &Process) -> usize {
    let args: usize = process.args.iter().map(|arg| arg.len() + size_of::<Vec<u8>>()).sum();
    size_of::<Process>() + process.exe_path.len() + process.cwd.len() + process.comm.len() + args
}
