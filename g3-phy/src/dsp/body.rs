//! Loops that are compiled again for what the processor has.

/// What [`Kernel::run`](super::Kernel::run) runs. A type, because a function or a closure given as a value is not
/// always inlined, and what is not inlined is not compiled again.
pub(crate) trait Body<I> {
    type Output;

    /// Always inlined, as is all that it calls.
    fn run(input: I) -> Self::Output;
}

/// Makes a function that is always inlined the body of that name.
macro_rules! body {
    ($name:ident = $function:path, $input:ty => $output:ty) => {
        pub(crate) struct $name;

        impl $crate::dsp::Body<$input> for $name {
            type Output = $output;

            #[inline(always)]
            fn run(input: $input) -> $output {
                $function(input)
            }
        }
    };
}
pub(crate) use body;
