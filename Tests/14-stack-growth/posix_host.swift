// SPDX-License-Identifier: Apache-2.0
//
// The C library, for the tests of what knows nothing of goroutines.

@preconcurrency import Glibc

/// Whether the calling thread may write to standard output.
func standardOutputIsFree() -> Bool {
  if ftrylockfile(stdout) != 0 { return false }
  funlockfile(stdout)
  return true
}

typealias Bsearch =
  @convention(c) (
    UnsafeRawPointer?, UnsafeRawPointer?, Int, Int,
    @convention(c) (UnsafeRawPointer?, UnsafeRawPointer?) -> Int32
  ) -> UnsafeRawPointer?

/// A function of a library that is loaded by this very call, and calls back: bsearch
/// of another copy of the C library.
func bsearchLoadedNow() -> Bsearch {
  typealias Dlmopen =
    @convention(c) (Int, UnsafePointer<CChar>, Int32) -> UnsafeMutableRawPointer?
  let newNamespace = -1
  guard let dlmopen = dlsym(nil, "dlmopen"),
    let library = unsafeBitCast(dlmopen, to: Dlmopen.self)(
      newNamespace, "libc.so.6", RTLD_NOW),
    let symbol = dlsym(library, "bsearch")
  else { fatalError(String(cString: dlerror())) }
  return unsafeBitCast(symbol, to: Bsearch.self)
}
