
use re_rav1d::dav1d as d;
use crate::frame::*;
use crate::error::{Error, Result, Place};
#[derive(Debug, Clone)]
pub struct DecoderConfig { pub width: usize, pub height: usize, pub coded_width: usize, pub coded_height: usize, pub depth: BitDepth, pub color: Color, pub threads: usize }
impl DecoderConfig { pub fn new(width: usize, height: usize) -> Self { Self { width, height, coded_width: width, coded_height: height, depth: BitDepth::Eight, color: Color::default(), threads: 1 } } }
pub struct Av1Decoder { inner: d::Decoder, config: DecoderConfig, ready: std::collections::VecDeque<Frame>, drained: bool }
impl Av1Decoder {
    pub fn new(c: &DecoderConfig) -> Result<Self> {
        let mut s = d::Settings::new();
        s.set_n_threads(c.threads as u32);
        s.set_apply_grain(false);
        Ok(Self { inner: d::Decoder::with_settings(&s).map_err(|e| Error::internal("dav1d", e))?, config: c.clone(), ready: Default::default(), drained: false })
    }
    pub fn send(&mut self, data: &[u8]) -> Result<()> {
        let mut r = self.inner.send_data(data.to_vec(), None, None, None);
        loop { match r { Ok(()) => break, Err(d::Error::Again) => { self.take()?; r = self.inner.send_pending_data(); }, Err(e) => return Err(Error::corrupt("av1", "x", e, Place::default())) } }
        Ok(())
    }
    fn take(&mut self) -> Result<bool> {
        match self.inner.get_picture() {
            Ok(p) => { let f = self.frame(&p)?; self.ready.push_back(f); Ok(true) }
            Err(d::Error::Again) => Ok(false),
            Err(e) => Err(Error::corrupt("av1", "x", e, Place::default())),
        }
    }
    pub fn receive(&mut self) -> Result<Option<Frame>> {
        if self.ready.is_empty() && !self.take()? { return Ok(None); }
        Ok(self.ready.pop_front())
    }
    pub fn finish(&mut self) -> Result<()> { self.drained = true; Ok(()) }
    fn frame(&self, p: &d::Picture) -> Result<Frame> {
        let depth = BitDepth::try_from(p.bit_depth() as u8)?;
        let mut f = Frame::new(self.config.width, self.config.height, PixelFormat { layout: Layout::Yuv420, depth }, self.config.color)?;
        let comps = [d::PlanarImageComponent::Y, d::PlanarImageComponent::U, d::PlanarImageComponent::V];
        match f.planes_mut() {
            Planes::U8(ps) => for (pl, c) in ps.iter_mut().zip(comps) { let st = p.stride(c) as usize; let src = p.plane(c); for y in 0..pl.height() { let w = pl.width(); pl.row_mut(y).copy_from_slice(&src[y*st..][..w]); } },
            Planes::U16(ps) => for (pl, c) in ps.iter_mut().zip(comps) { let st = p.stride(c) as usize; let src = p.plane(c); for y in 0..pl.height() { for (x, s) in pl.row_mut(y).iter_mut().enumerate() { *s = u16::from_le_bytes([src[y*st+2*x], src[y*st+2*x+1]]); } } },
        }
        Ok(f)
    }
}
