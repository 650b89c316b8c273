//! Little-endian fields in and out of one payload.
//!
//! The reader knows where in the stream its payload lies, so each error names a field and an absolute offset.

use crate::error::{Error, Place, Result};
use crate::frame::Rational;
use crate::memory;

/// The longest text a length byte can describe.
const MAX_TEXT_BYTES: usize = u8::MAX as usize;

/// A cursor over the payload of one packet. No getter ever reads past the end.
pub(super) struct Reader<'a> {
    data: &'a [u8],
    position: usize,
    /// Offset of `data[0]` in the stream.
    start: u64,
    /// Offset of the field read last, for errors about its value.
    field: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8], start: u64) -> Self {
        Self { data, position: 0, start, field: start }
    }

    /// Bytes not yet read.
    pub(super) fn remaining(&self) -> usize {
        self.data.len() - self.position
    }

    /// The error that the field read last holds `found` where only `expected` is valid.
    pub(super) fn corrupt(
        &self,
        what: &'static str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) -> Error {
        Error::corrupt(what, expected, found, Place::at_offset(self.field))
    }

    /// Passes `found` if it is at most `limit`.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` at the field read last.
    pub(super) fn limited(&self, what: &'static str, found: u64, limit: u64) -> Result<u64> {
        Error::within_limit(what, found, limit, Place::at_offset(self.field)).map(|()| found)
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    ///
    /// `Corrupt` when the payload is shorter.
    pub(super) fn bytes(&mut self, count: usize, what: &'static str) -> Result<&'a [u8]> {
        self.field = self.start + self.position as u64;
        let Some(bytes) = self.data[self.position..].get(..count) else {
            let expected = format!("{count} bytes");
            return Err(self.corrupt(what, expected, format!("{} before the end", self.remaining())));
        };
        self.position += count;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N, what)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8> {
        self.array(what).map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self, what: &'static str) -> Result<i64> {
        self.array(what).map(i64::from_le_bytes)
    }

    /// An unsigned LEB128 number in its shortest form, at most ten bytes.
    pub(super) fn varint(&mut self, what: &'static str) -> Result<u64> {
        let field = self.start + self.position as u64;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8(what)?;
            self.field = field;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(self.corrupt(what, "the shortest form of a varint", "a longer one"));
                }
                return Ok(value);
            }
        }
        Err(self.corrupt(what, "a varint below 2^64", "a larger one"))
    }

    /// A number of either sign as a varint: 0, -1, 1, -2, 2 and so on.
    pub(super) fn signed_varint(&mut self, what: &'static str) -> Result<i64> {
        let folded = self.varint(what)?;
        Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    /// A reader of the next `count` bytes alone.
    ///
    /// # Errors
    ///
    /// `Corrupt` when the payload is shorter.
    pub(super) fn nested(&mut self, count: usize, what: &'static str) -> Result<Self> {
        let start = self.start + self.position as u64;
        Ok(Self::new(self.bytes(count, what)?, start))
    }

    /// Where the next field lies.
    pub(super) fn place(&self) -> Place {
        Place::at_offset(self.start + self.position as u64)
    }

    /// A length byte and as many bytes of UTF-8.
    pub(super) fn text(&mut self, what: &'static str) -> Result<String> {
        let length = self.u8(what)?;
        let bytes = self.bytes(usize::from(length), what)?;
        let text = std::str::from_utf8(bytes).map_err(|error| self.corrupt(what, "UTF-8", error))?;
        Ok(text.to_owned())
    }

    /// Two numbers of at least 1.
    pub(super) fn rational(&mut self, what: &'static str) -> Result<Rational> {
        let (num, den) = (self.u32(what)?, self.u32(what)?);
        if num == 0 || den == 0 {
            return Err(self.corrupt(what, "both parts at least 1", format!("{num}/{den}")));
        }
        Ok(Rational { num, den })
    }

    /// A copy of all bytes not yet read.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn rest(&mut self, what: &'static str) -> Result<Vec<u8>> {
        let bytes = self.bytes(self.remaining(), what)?;
        memory::copied(what, bytes)
    }

    /// Checks that the payload has been read to its end.
    pub(super) fn finish(&mut self, what: &'static str) -> Result<()> {
        let left = self.remaining();
        self.bytes(left, what)?;
        if left > 0 {
            return Err(self.corrupt(what, "the end of the payload", format!("{left} more bytes")));
        }
        Ok(())
    }
}

/// What [`Reader`] reads, written.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    /// Whether there was no memory for a field; `bytes` is incomplete then.
    failed: bool,
}

impl Writer {
    /// A writer that goes on behind these bytes.
    pub(super) fn behind(bytes: Vec<u8>) -> Self {
        Self { bytes, failed: false }
    }

    /// Whether all that was written is there.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn check(&self) -> Result<()> {
        let bytes = 2 * self.bytes.len() as u64;
        if self.failed { Err(Error::OutOfMemory { what: "packet", bytes }) } else { Ok(()) }
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.failed |= self.bytes.try_reserve(bytes.len()).is_err();
        if !self.failed {
            self.bytes.extend_from_slice(bytes);
        }
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.raw(&[value]);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.raw(&value.to_le_bytes());
    }

    /// A count or size that the format keeps in 32 bits.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when it is larger.
    pub(super) fn size(&mut self, name: &'static str, value: usize) -> Result<()> {
        let small = u32::try_from(value).map_err(|_| Error::invalid(name, "below 2^32", value))?;
        self.u32(small);
        Ok(())
    }

    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8);
    }

    pub(super) fn signed_varint(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63) as u64);
    }

    /// # Errors
    ///
    /// `InvalidArgument` for more than 255 bytes.
    pub(super) fn text(&mut self, name: &'static str, text: &str) -> Result<()> {
        let Ok(length) = u8::try_from(text.len()) else {
            return Err(Error::invalid(name, format!("at most {MAX_TEXT_BYTES} bytes"), text.len()));
        };
        self.u8(length);
        self.raw(text.as_bytes());
        Ok(())
    }

    pub(super) fn rational(&mut self, value: Rational) {
        self.u32(value.num);
        self.u32(value.den);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_varint_reads_back(value in any::<u64>(), shift in 0_u32..64) {
            let value = value >> shift;
            let mut writer = Writer::default();
            writer.varint(value);
            prop_assert!(writer.bytes.len() <= 10);
            let mut reader = Reader::new(&writer.bytes, 0);
            prop_assert_eq!(reader.varint("number").unwrap(), value);
            reader.finish("payload").unwrap();
        }
    }

    #[test]
    fn numbers_of_either_sign_read_back_and_small_ones_are_short() {
        for value in [0, -1, 1, 63, -64, i64::MIN, i64::MAX] {
            let mut writer = Writer::default();
            writer.signed_varint(value);
            assert_eq!(Reader::new(&writer.bytes, 0).signed_varint("number").unwrap(), value);
            assert!(writer.bytes.len() == 1 || value.unsigned_abs() > 64);
        }
    }

    #[test]
    fn a_varint_has_one_form_and_a_largest_value() {
        let read = |bytes: &[u8]| Reader::new(bytes, 40).varint("number");
        assert_eq!(read(&[0]).unwrap(), 0);
        assert!(read(&[0x80, 0]).unwrap_err().to_string().contains("shortest"));
        let mut largest = [0xff; 10];
        largest[9] = 1;
        assert_eq!(read(&largest).unwrap(), u64::MAX);
        largest[9] = 2;
        assert!(read(&largest).is_err());
        assert!(read(&[0xff; 11]).is_err());
        assert!(read(&[0xff]).is_err());
    }

    #[test]
    fn an_error_names_its_field_and_absolute_offset() {
        let mut reader = Reader::new(&[1, 2, 3], 100);
        reader.u8("first").unwrap();
        let error = reader.u32("second").unwrap_err();
        assert_eq!(error.to_string(), "corrupt second: expected 4 bytes, found 2 before the end (byte 101)");
        assert!(Reader::new(&[1, 2], 7).finish("payload").is_err());
    }

    #[test]
    fn text_is_short_and_utf8() {
        let mut writer = Writer::default();
        assert!(writer.text("name", &"x".repeat(256)).is_err());
        writer.text("name", "Größe").unwrap();
        assert_eq!(Reader::new(&writer.bytes, 0).text("name").unwrap(), "Größe");
        assert!(Reader::new(&[1, 0xff], 0).text("name").is_err());
    }
}
