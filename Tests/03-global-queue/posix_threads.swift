// SPDX-License-Identifier: Apache-2.0
//
// The C library, for tests of threads.

@preconcurrency import Glibc

func unsetEnvironment(_ name: String) { unsetenv(name) }

/// Sleeps in the kernel: a system call that takes a while.
func sleepInKernel(milliseconds: Int) { usleep(UInt32(milliseconds * 1000)) }

/// Runs body on a thread that the runtime does not know.
func detachForeignThread(_ body: @escaping @Sendable () -> Void) {
  var thread = pthread_t()
  let box = Unmanaged.passRetained(ForeignBody(body))
  pthread_create(
    &thread, nil,
    { raw in
      Unmanaged<ForeignBody>.fromOpaque(raw!).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  pthread_detach(thread)
}

/// Whether the calling thread may write to standard output.
func standardOutputIsFree() -> Bool {
  if ftrylockfile(stdout) != 0 { return false }
  funlockfile(stdout)
  return true
}
