/* libFuzzer has main, and calls what Tests/FuzzTargets defines. */
extern int LLVMFuzzerTestOneInput(const unsigned char *input, unsigned long length);
int (*fuzz_target)(const unsigned char *, unsigned long) = LLVMFuzzerTestOneInput;
