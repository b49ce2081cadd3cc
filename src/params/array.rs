//! PHP's array: an ordered map whose keys are integers or byte strings.
//!
//! A list (keys 0, 1, 2 … in this order) is kept as a plain vector, which most arrays stay.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use hashbrown::HashTable;

/// The key of an array's element.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Key {
    /// An integer, or a text that PHP takes for one: `5`, `-5`, but not `05`, `-0`, `+5` or ` 5`.
    Int(i64),
    /// Any other bytes.
    Bytes(Bytes),
}

impl Key {
    /// The key that PHP makes of a string: `"5"` is 5.
    pub fn from_bytes(text: Bytes) -> Self {
        match canonical_integer(&text) {
            Some(integer) => Self::Int(integer),
            None => Self::Bytes(text),
        }
    }
}

impl Key {
    /// The same key, borrowed.
    pub fn as_ref(&self) -> KeyRef<'_> {
        match self {
            Self::Int(integer) => KeyRef::Int(*integer),
            Self::Bytes(text) => KeyRef::Bytes(text),
        }
    }
}

/// A [`Key`], borrowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyRef<'a> {
    /// An integer.
    Int(i64),
    /// Any other bytes.
    Bytes(&'a Bytes),
}

impl KeyRef<'_> {
    /// The key as PHP shows it.
    pub fn to_bytes(self) -> Bytes {
        match self {
            Self::Int(integer) => integer.to_string().into(),
            Self::Bytes(text) => text.clone(),
        }
    }
}

impl From<i64> for Key {
    fn from(integer: i64) -> Self {
        Self::Int(integer)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::from_bytes(Bytes::copy_from_slice(text.as_bytes()))
    }
}

/// An ordered map as PHP's `array`: setting a key again changes the value in its first place.
///
/// Arrays within arrays are dropped one after the other, not one within the other, so that the
/// depth of foreign data is no danger to the stack.
#[derive(Clone, Debug)]
pub struct Array<V: Nest> {
    entries: Entries<V>,
}

/// A value that may hold an array of values of its kind.
pub trait Nest: Sized {
    /// The array in this value, if it holds one.
    fn nested(&mut self) -> Option<&mut Array<Self>>;
}

#[derive(Clone, Debug)]
enum Entries<V> {
    List(Vec<V>),
    Map(Box<Map<V>>),
}

#[derive(Clone, Debug)]
struct Map<V> {
    entries: Vec<(Key, V)>,
    /// Whether each key is greater than the one before, so that a key is found by halving.
    ascending: bool,
    /// A key's hash and where it stands; empty while the keys ascend, or are so few that looking at
    /// each is faster.
    index: HashTable<(u64, usize)>,
    /// Seeded by the process: a peer cannot choose keys that collide.
    hasher: RandomState,
    /// The greatest integer key there ever was.
    greatest: Option<i64>,
}

/// Up to so many elements a map has no index.
const FEW: usize = 8;

impl<V> Map<V> {
    fn from_list(list: Vec<V>) -> Self {
        let greatest = list.len().checked_sub(1).map(int_key);
        let entries =
            list.into_iter().enumerate().map(|(at, value)| (Key::Int(int_key(at)), value)).collect();
        let mut map = Self { entries, greatest, ..Self::with_capacity(0) };
        map.reindex();
        map
    }

    fn with_capacity(capacity: usize) -> Self {
        let (index, hasher) = (HashTable::new(), RandomState::new());
        Self { entries: Vec::with_capacity(capacity), ascending: true, index, hasher, greatest: None }
    }

    fn position(&self, key: &Key) -> Option<usize> {
        if self.entries.len() <= FEW {
            return self.entries.iter().position(|(found, _)| found == key);
        }
        if self.ascending {
            return self.entries.binary_search_by(|(found, _)| found.cmp(key)).ok();
        }
        self.indexed(key, self.hasher.hash_one(key))
    }

    fn indexed(&self, key: &Key, hash: u64) -> Option<usize> {
        let same = |&(found, at): &(u64, usize)| found == hash && self.entries[at].0 == *key;
        self.index.find(hash, same).map(|&(_, at)| at)
    }

    fn insert(&mut self, key: Key, value: V) -> Option<V> {
        if self.ascending && self.entries.last().is_none_or(|(last, _)| *last < key) {
            self.append(key, value);
            return None;
        }
        let at = self.entries.len();
        let is_indexed = at > FEW && !self.ascending;
        let hash = if is_indexed { self.hasher.hash_one(&key) } else { 0 };
        let found = if is_indexed { self.indexed(&key, hash) } else { self.position(&key) };
        if let Some(at) = found {
            return Some(std::mem::replace(&mut self.entries[at].1, value));
        }
        if is_indexed {
            if self.index.len() == self.index.capacity() {
                // Fourfold: growing moves every entry.
                self.index.reserve(3 * at, |&(hash, _)| hash);
            }
            self.index.insert_unique(hash, (hash, at), |&(hash, _)| hash);
        }
        self.append(key, value);
        if self.ascending || at == FEW {
            self.ascending = false;
            self.reindex();
        }
        None
    }

    fn append(&mut self, key: Key, value: V) {
        if let Key::Int(integer) = key {
            self.greatest = self.greatest.max(Some(integer));
        }
        self.entries.push((key, value));
    }

    fn remove(&mut self, key: &Key) -> Option<V> {
        let at = self.position(key)?;
        let (_, value) = self.entries.remove(at);
        self.reindex();
        Some(value)
    }

    fn reindex(&mut self) {
        self.index.clear();
        if self.entries.len() > FEW && !self.ascending {
            for (at, (key, _)) in self.entries.iter().enumerate() {
                let hash = self.hasher.hash_one(key);
                self.index.insert_unique(hash, (hash, at), |&(hash, _)| hash);
            }
        }
    }
}

impl<V: Nest> Array<V> {
    /// The empty array.
    pub const fn new() -> Self {
        Self { entries: Entries::List(Vec::new()) }
    }

    /// The empty array, with room for `capacity` elements of which the first has this key.
    pub(crate) fn beginning_with(key: KeyRef<'_>, capacity: usize) -> Self {
        if key == KeyRef::Int(0) {
            return Self { entries: Entries::List(Vec::with_capacity(capacity)) };
        }
        Self { entries: Entries::Map(Box::new(Map::with_capacity(capacity))) }
    }

    /// Elements.
    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::List(list) => list.len(),
            Entries::Map(map) => map.entries.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets the value of a key, in its old place if the key is there, else at the end. Returns the
    /// old value.
    pub fn insert(&mut self, key: Key, value: V) -> Option<V> {
        if let (Entries::List(list), Key::Int(integer)) = (&mut self.entries, &key) {
            match usize::try_from(*integer) {
                Ok(at) if at < list.len() => return Some(std::mem::replace(&mut list[at], value)),
                Ok(at) if at == list.len() => {
                    list.push(value);
                    return None;
                }
                _ => {}
            }
        }
        self.map().insert(key, value)
    }

    /// Appends a value under the next integer key, which is one more than the greatest there ever
    /// was. Gives the value back if that key would be beyond `i64::MAX`.
    ///
    /// # Errors
    ///
    /// The value, if there is no next key.
    pub fn push(&mut self, value: V) -> Result<(), V> {
        let Some(next) = self.next_key() else { return Err(value) };
        self.insert(Key::Int(next), value);
        Ok(())
    }

    /// The key that [`Array::push`] will use.
    pub fn next_key(&self) -> Option<i64> {
        match &self.entries {
            Entries::List(list) => Some(int_key(list.len())),
            Entries::Map(map) => map.greatest.map_or(Some(0), |greatest| greatest.checked_add(1)),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Option<&V> {
        match (&self.entries, key) {
            (Entries::List(list), Key::Int(integer)) => list.get(usize::try_from(*integer).ok()?),
            (Entries::List(_), Key::Bytes(_)) => None,
            (Entries::Map(map), key) => Some(&map.entries[map.position(key)?].1),
        }
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut V> {
        match (&mut self.entries, key) {
            (Entries::List(list), Key::Int(integer)) => list.get_mut(usize::try_from(*integer).ok()?),
            (Entries::List(_), Key::Bytes(_)) => None,
            (Entries::Map(map), key) => {
                let at = map.position(key)?;
                Some(&mut map.entries[at].1)
            }
        }
    }

    /// Takes a key out; the others keep their order, and the next key stays what it was.
    pub fn remove(&mut self, key: &Key) -> Option<V> {
        self.get(key)?;
        self.map().remove(key)
    }

    /// Whether the keys are 0, 1, 2 … in this order: what `json_encode` writes with brackets.
    pub fn is_list(&self) -> bool {
        match &self.entries {
            Entries::List(_) => true,
            Entries::Map(map) => map.entries.iter().zip(0..).all(|((key, _), at)| *key == Key::Int(at)),
        }
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (KeyRef<'_>, &V)> {
        let (list, map) = match &self.entries {
            Entries::List(list) => (Some(list), None),
            Entries::Map(map) => (None, Some(&map.entries)),
        };
        let listed = list.into_iter().flatten().zip(0..).map(|(value, at)| (KeyRef::Int(at), value));
        listed.chain(map.into_iter().flatten().map(|(key, value)| (key.as_ref(), value)))
    }

    /// The element at a place in the order.
    pub fn get_index(&self, at: usize) -> Option<(KeyRef<'_>, &V)> {
        match &self.entries {
            Entries::List(list) => list.get(at).map(|value| (KeyRef::Int(int_key(at)), value)),
            Entries::Map(map) => map.entries.get(at).map(|(key, value)| (key.as_ref(), value)),
        }
    }

    /// The values, to change them in place.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let (list, map) = match &mut self.entries {
            Entries::List(list) => (Some(list), None),
            Entries::Map(map) => (None, Some(&mut map.entries)),
        };
        list.into_iter().flatten().chain(map.into_iter().flatten().map(|(_, value)| value))
    }

    /// The elements as a map, which they then stay.
    fn map(&mut self) -> &mut Map<V> {
        if let Entries::List(list) = &mut self.entries {
            self.entries = Entries::Map(Box::new(Map::from_list(std::mem::take(list))));
        }
        match &mut self.entries {
            Entries::Map(map) => map,
            Entries::List(_) => unreachable!("a list has just become a map"),
        }
    }
}

impl<V: Nest> Drop for Array<V> {
    fn drop(&mut self) {
        let mut doomed = Vec::new();
        self.disown(&mut doomed);
        while let Some(mut array) = doomed.pop() {
            array.disown(&mut doomed);
        }
    }
}

impl<V: Nest> Array<V> {
    /// Moves the arrays within this one to `orphans`.
    fn disown(&mut self, orphans: &mut Vec<Self>) {
        for inner in self.values_mut().filter_map(Nest::nested).filter(|inner| !inner.is_empty()) {
            orphans.push(std::mem::take(inner));
        }
    }
}

impl<V: Nest> Default for Array<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Nest + PartialEq> PartialEq for Array<V> {
    /// Whether both have the same keys and values in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<V: Nest> FromIterator<(Key, V)> for Array<V> {
    fn from_iter<I: IntoIterator<Item = (Key, V)>>(entries: I) -> Self {
        let mut array = Self::new();
        for (key, value) in entries {
            array.insert(key, value);
        }
        array
    }
}

impl<V: Nest> FromIterator<V> for Array<V> {
    /// The list of the values.
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        Self { entries: Entries::List(values.into_iter().collect()) }
    }
}

impl<V: Nest> IntoIterator for Array<V> {
    type Item = (Key, V);
    type IntoIter = IntoIter<V>;

    fn into_iter(mut self) -> IntoIter<V> {
        match std::mem::replace(&mut self.entries, Entries::List(Vec::new())) {
            Entries::List(list) => IntoIter(Either::List(list.into_iter().enumerate())),
            Entries::Map(map) => IntoIter(Either::Map(map.entries.into_iter())),
        }
    }
}

/// Keys and values in order, owned.
#[derive(Debug)]
pub struct IntoIter<V>(Either<V>);

#[derive(Debug)]
enum Either<V> {
    List(std::iter::Enumerate<std::vec::IntoIter<V>>),
    Map(std::vec::IntoIter<(Key, V)>),
}

impl<V> Iterator for IntoIter<V> {
    type Item = (Key, V);

    fn next(&mut self) -> Option<(Key, V)> {
        match &mut self.0 {
            Either::List(list) => list.next().map(|(at, value)| (Key::Int(int_key(at)), value)),
            Either::Map(map) => map.next(),
        }
    }
}

fn int_key(at: usize) -> i64 {
    i64::try_from(at).expect("no vector has 2^63 elements")
}

/// The integer that PHP sees in an array key's text: as it would print it, and within 64 bits.
fn canonical_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !plain {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Nest for char {
        fn nested(&mut self) -> Option<&mut Array<Self>> {
            None
        }
    }

    #[test]
    fn texts_that_php_prints_as_integers_are_integer_keys() {
        for text in ["0", "5", "-5", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(Key::from(text), Key::Int(text.parse().expect("an integer")));
        }
        for text in
            ["", "-", "-0", "05", "+5", " 5", "5 ", "1.0", "9223372036854775808", "-9223372036854775809"]
        {
            assert_eq!(Key::from(text), Key::Bytes(Bytes::from_static(text.as_bytes())));
        }
    }

    #[test]
    fn a_key_set_again_keeps_its_place_in_lists_and_maps() {
        let mut array: Array<char> = "xy".chars().collect();
        assert_eq!(array.insert(Key::Int(0), 'z'), Some('x'));
        array.insert(Key::from("a"), '1');
        assert!(!array.is_list());
        array.insert(Key::from("b"), '2');
        assert_eq!(array.insert(Key::from("a"), '3'), Some('1'));
        let entries: Vec<_> = array.into_iter().collect();
        let expected = [(Key::Int(0), 'z'), (Key::Int(1), 'y'), (Key::from("a"), '3'), (Key::from("b"), '2')];
        assert_eq!(entries, expected);
    }

    #[test]
    fn the_next_key_is_one_more_than_the_greatest_ever() {
        let mut array = Array::new();
        array.insert(Key::Int(-5), 'a');
        array.push('b').expect("a key is left");
        array.insert(Key::Int(7), 'c');
        array.remove(&Key::Int(7));
        array.push('d').expect("a key is left");
        let keys: Vec<_> = array.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [KeyRef::Int(-5), KeyRef::Int(-4), KeyRef::Int(8)]);
        array.insert(Key::Int(i64::MAX), 'e');
        assert_eq!(array.push('f'), Err('f'));
    }

    #[test]
    fn keys_are_found_in_small_and_large_maps_and_after_removals() {
        let mut array: Array<char> = (0..100).map(|at| (Key::Int(-at), 'a')).collect();
        assert_eq!(array.insert(Key::Int(-99), 'b'), Some('a'));
        assert_eq!(array.remove(&Key::Int(-50)), Some('a'));
        assert_eq!(array.get(&Key::Int(-50)), None);
        assert_eq!(array.get(&Key::Int(-99)), Some(&'b'));
        for at in (1..99).filter(|&at| at != 50) {
            assert_eq!(array.remove(&Key::Int(-at)), Some('a'));
        }
        let keys: Vec<_> = array.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [KeyRef::Int(0), KeyRef::Int(-99)]);
        assert_eq!(array.get_mut(&Key::Int(-99)), Some(&mut 'b'));
    }

    #[test]
    fn a_list_stays_a_list_only_while_its_keys_are_in_order() {
        let mut array: Array<char> = "abc".chars().collect();
        assert!(array.is_list());
        assert_eq!(array.remove(&Key::Int(1)), Some('b'));
        assert!(!array.is_list());
        array.insert(Key::Int(1), 'b');
        assert!(!array.is_list());
    }
}
