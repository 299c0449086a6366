//! FFTW's real transform in single precision.

use std::ffi::{c_int, c_uint, c_void};

/// Plan by trying many ways.
pub const PATIENT: c_uint = 1 << 5;
/// Plan by trying some ways.
pub const MEASURE: c_uint = 0;

#[link(name = "fftw3f")]
unsafe extern "C" {
    fn fftwf_malloc(size: usize) -> *mut c_void;
    fn fftwf_free(memory: *mut c_void);
    fn fftwf_plan_dft_r2c_1d(n: c_int, from: *mut f32, to: *mut [f32; 2], flags: c_uint) -> *mut c_void;
    fn fftwf_execute(plan: *mut c_void);
    fn fftwf_destroy_plan(plan: *mut c_void);
}

/// A plan with its aligned memory.
pub struct RealFft {
    plan: *mut c_void,
    from: *mut f32,
    to: *mut [f32; 2],
    len: usize,
}

impl RealFft {
    /// The transform of `samples`.
    pub fn new(samples: &[f32], flags: c_uint) -> Self {
        let len = samples.len();
        // SAFETY: both areas have the sizes that the plan is told; planning overwrites them, so `from` is filled after.
        unsafe {
            let from = fftwf_malloc(len * 4).cast::<f32>();
            let to = fftwf_malloc((len / 2 + 1) * 8).cast::<[f32; 2]>();
            let plan = fftwf_plan_dft_r2c_1d(len as c_int, from, to, flags);
            assert!(!from.is_null() && !to.is_null() && !plan.is_null());
            to.write_bytes(0, len / 2 + 1);
            from.copy_from_nonoverlapping(samples.as_ptr(), len);
            Self { plan, from, to, len }
        }
    }

    pub fn forward(&mut self) {
        // SAFETY: the plan was made for memory that this object owns.
        unsafe { fftwf_execute(self.plan) }
    }

    pub fn spectrum(&self) -> &[[f32; 2]] {
        // SAFETY: the area holds so many values, set when built.
        unsafe { std::slice::from_raw_parts(self.to, self.len / 2 + 1) }
    }
}

impl Drop for RealFft {
    fn drop(&mut self) {
        // SAFETY: all three came from the library and are used no more.
        unsafe {
            fftwf_destroy_plan(self.plan);
            fftwf_free(self.from.cast());
            fftwf_free(self.to.cast());
        }
    }
}
