//! Maps and lists of any size: changed in place, and gone through element by element.

use std::cell::Cell;
use std::marker::PhantomData;

use ipldstore_sys as sys;

use crate::cid::made;
use crate::error::{call, Result};
use crate::iter::Handle;
use crate::raw::{self, bytes};
use crate::{Batch, Cid, Store};

/// A change of a map or a list. Values are strict DAG-CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeChange<'a> {
    /// Gives a map's key a value, whether it had one or not.
    Set { key: &'a str, value: &'a [u8] },
    /// Takes a key from a map that has it.
    Remove { key: &'a str },
    /// Puts values, one after another, in the place of `count` elements of a list from `position` on.
    Replace { position: u64, count: u64, values: &'a [u8] },
}

impl NodeChange<'_> {
    fn raw(&self) -> sys::ips_node_change {
        let nothing = bytes(&[]);
        let (kind, key, position, count, values) = match *self {
            NodeChange::Set { key, value } => (sys::IPS_NODE_SET, bytes(key.as_bytes()), 0, 0, bytes(value)),
            NodeChange::Remove { key } => (sys::IPS_NODE_REMOVE, bytes(key.as_bytes()), 0, 0, nothing),
            NodeChange::Replace { position, count, values } => {
                (sys::IPS_NODE_REPLACE, nothing, position, count, bytes(values))
            }
        };
        sys::ips_node_change { kind: kind as u32, reserved: 0, key, position, count, values }
    }
}

fn all_raw(changes: &[NodeChange]) -> Vec<sys::ips_node_change> {
    changes.iter().map(NodeChange::raw).collect()
}

impl Store {
    /// Changes the map or list at a path inside a value ("": the value itself): the changed value's CID. The
    /// value stays as it is. Costs the path and the change.
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("ipldstore-edit-{}", std::process::id()));
    /// # ipldstore::Store::create(&path)?;
    /// # let store = ipldstore::Store::open(&path)?;
    /// use ipldstore::NodeChange;
    ///
    /// let old = store.put_node(b"\xa1\x64list\x81\x01")?; // {"list": [1]}
    /// let append = NodeChange::Replace { position: 1, count: 0, values: b"\x02\x03" };
    /// let new = store.edit_node(&old, "list", &[append])?;
    /// assert_eq!(store.get_node(&new)?, b"\xa1\x64list\x83\x01\x02\x03");
    /// let values = store.elements(&new, "list")?.map(|element| Ok(element?.value));
    /// assert_eq!(values.collect::<Result<Vec<_>, ipldstore::Error>>()?, [[1], [2], [3]]);
    /// # drop(store);
    /// # std::fs::remove_dir_all(&path).unwrap();
    /// # Ok::<(), ipldstore::Error>(())
    /// ```
    pub fn edit_node(&self, cid: &Cid, path: &str, changes: &[NodeChange]) -> Result<Cid> {
        let (path, raw) = (raw::text(path)?, all_raw(changes));
        made(|edited, error| unsafe {
            let (cid, path) = (cid.as_raw(), path.as_ptr());
            sys::ips_store_edit_node(self.raw(), cid, path, raw.as_ptr(), raw.len(), edited, error)
        })
    }

    /// The elements of the map or list at a path inside a value, in order.
    pub fn elements(&self, cid: &Cid, path: &str) -> Result<Elements> {
        let path = raw::text(path)?;
        let handle = Handle::open(|iter, error| unsafe {
            sys::ips_store_elements(self.raw(), cid.as_raw(), path.as_ptr(), iter, error)
        })?;
        let buffers = [vec![0; 256], vec![0; 4096]];
        Ok(Elements { handle, buffers, has_ended: false, not_sync: PhantomData })
    }
}

impl Batch {
    /// As [`Store::edit_node`], except that nothing is held; also of a value that the batch stored.
    pub fn edit_node(&self, cid: &Cid, path: &str, changes: &[NodeChange]) -> Result<Cid> {
        let (path, raw) = (raw::text(path)?, all_raw(changes));
        made(|edited, error| unsafe {
            let (cid, path) = (cid.as_raw(), path.as_ptr());
            sys::ips_batch_edit_node(self.raw(), cid, path, raw.as_ptr(), raw.len(), edited, error)
        })
    }
}

/// An element of a map or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Empty in a list.
    pub key: String,
    /// DAG-CBOR.
    pub value: Vec<u8>,
}

/// The elements of a map or a list. What is not deleted yet stays readable until it is dropped. As an
/// iterator it ends after its first error, until a seek.
#[derive(Debug)]
pub struct Elements {
    handle: Handle,
    /// For keys and values.
    buffers: [Vec<u8>; 2],
    has_ended: bool,
    // What takes it by `&` is for one thread at a time too.
    not_sync: PhantomData<Cell<()>>,
}

impl Elements {
    /// Position of the element that comes next, number of elements, and whether it is a map.
    fn tell(&self) -> Result<(u64, u64, bool)> {
        let (mut position, mut count, mut is_map) = (0, 0, false);
        call(|error| unsafe {
            let iter = self.handle.raw();
            sys::ips_iter_tell_element(iter, &mut position, &mut count, &mut is_map, error)
        })?;
        Ok((position, count, is_map))
    }

    /// The position of the element that comes next, from 0. No I/O.
    pub fn position(&self) -> Result<u64> {
        Ok(self.tell()?.0)
    }

    /// How many elements there are. No I/O.
    pub fn total(&self) -> Result<u64> {
        Ok(self.tell()?.1)
    }

    pub fn is_map(&self) -> Result<bool> {
        Ok(self.tell()?.2)
    }

    /// Goes to a position; the number of elements, the end, is one.
    pub fn seek(&mut self, position: u64) -> Result<()> {
        self.has_ended = false;
        call(|error| unsafe { sys::ips_iter_seek_element(self.handle.raw(), position, error) })
    }

    /// Goes to a key of a map, or to the first one after where it would be: shorter keys come first.
    pub fn seek_key(&mut self, key: &str) -> Result<()> {
        self.has_ended = false;
        call(|error| unsafe { sys::ips_iter_seek_key(self.handle.raw(), bytes(key.as_bytes()), error) })
    }

    fn read(&mut self) -> Result<Option<Element>> {
        let iter = self.handle.raw();
        let found =
            raw::fitted(&mut self.buffers, |[key, value], [key_length, value_length], error| unsafe {
                let (key, key_room) = (key.as_mut_ptr().cast(), key.len());
                let (value, value_room) = (value.as_mut_ptr().cast(), value.len());
                sys::ips_iter_next_element(
                    iter,
                    key,
                    key_room,
                    key_length,
                    value,
                    value_room,
                    value_length,
                    error,
                )
            })?;
        let Some([key_length, value_length]) = found else { return Ok(None) };
        let [key, value] = &self.buffers;
        let key = String::from_utf8_lossy(&key[..key_length]).into_owned();
        Ok(Some(Element { key, value: value[..value_length].to_vec() }))
    }
}

impl Iterator for Elements {
    type Item = Result<Element>;

    fn next(&mut self) -> Option<Result<Element>> {
        if self.has_ended {
            return None;
        }
        let found = self.read();
        self.has_ended = !matches!(found, Ok(Some(_)));
        found.transpose()
    }
}
