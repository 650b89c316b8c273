//! The machine code of all kernels, which lie beside the stages that launch them.

/// Virtual machine code that drivers from 570 on turn into their GPU's own; `make kernels` writes it, and the machine code below.
pub(crate) const PTX: &str = include_str!("kernels.ptx");

/// Names of all kernels: the entries of the PTX.
pub fn kernel_names() -> impl Iterator<Item = &'static str> {
    PTX.lines().filter_map(|line| line.split_once(".entry ")?.1.split('(').next())
}

/// Machine code, and the compute capability that it was made for.
const MACHINE_CODE: &[((i32, i32), &[u8])] = &[
    ((7, 5), include_bytes!("machine_code/sm_75.cubin")),
    ((8, 0), include_bytes!("machine_code/sm_80.cubin")),
    ((9, 0), include_bytes!("machine_code/sm_90.cubin")),
    ((10, 0), include_bytes!("machine_code/sm_100.cubin")),
    ((12, 0), include_bytes!("machine_code/sm_120.cubin")),
];

/// Machine code for a GPU of this compute capability: it runs on all of the same major number and no smaller minor one.
///
/// Source: CUDA C++ Programming Guide, "Binary Compatibility".
pub(crate) fn machine_code((major, minor): (i32, i32)) -> Option<&'static [u8]> {
    let runs = |made_for: (i32, i32)| made_for.0 == major && made_for.1 <= minor;
    MACHINE_CODE.iter().rfind(|(made_for, _)| runs(*made_for)).map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_of_the_ptx_is_in_all_machine_code() {
        assert!(kernel_names().count() > 30);
        for name in kernel_names() {
            let section = format!(".text.{name}\0");
            for (made_for, code) in MACHINE_CODE {
                let holds = code.windows(section.len()).any(|bytes| bytes == section.as_bytes());
                assert!(holds, "{name} is not in the machine code for {made_for:?}: make kernels");
            }
        }
    }

    #[test]
    fn machine_code_is_that_of_the_same_major_capability() {
        let found =
            |capability| MACHINE_CODE.iter().find(|(_, code)| Some(*code) == machine_code(capability));
        let made_for = |capability| found(capability).map(|(made_for, _)| *made_for);
        assert_eq!(made_for((7, 5)), Some((7, 5)));
        assert_eq!((made_for((8, 0)), made_for((8, 9))), (Some((8, 0)), Some((8, 0))));
        assert_eq!((made_for((9, 0)), made_for((10, 3))), (Some((9, 0)), Some((10, 0))));
        assert_eq!(made_for((12, 1)), Some((12, 0)));
        assert_eq!((made_for((7, 0)), made_for((11, 0)), made_for((13, 0))), (None, None, None));
    }
}
