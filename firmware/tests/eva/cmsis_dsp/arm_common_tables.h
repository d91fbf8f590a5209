// For Eva, in the place of CMSIS-DSP's: the transform has a contract alone.
