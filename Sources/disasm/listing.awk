# SPDX-License-Identifier: Apache-2.0
#
# Makes a listing for readers of what `objdump -d -l --no-show-raw-insn` prints, LLVM's or
# that of the binutils: the instructions under the lines of the source they come from. What
# is assembly in the source has its line, with its comment, beside it.
#
# What a group of instructions does is told by their operands: the offsets that the source
# names, registers, symbols. The check of the stack guard is the comparison before the
# branch around a call of newstack.

# Of other programs' code nothing is known.
function text(file, line) {
  if (!(file in lines)) {
    lines[file] = 0
    while ((getline row < file) > 0) source[file, ++lines[file]] = row
    close(file)
  }
  return source[file, line]
}

function trimmed(row) {
  gsub(/[ \t]+/, " ", row)
  sub(/^ /, "", row)
  sub(/ $/, "", row)
  return row
}

function isAssembly(file) { return file ~ /\.S$/ }

# From where a line is a comment.
function comment(row) { return index(row, "//") ? substr(row, index(row, "//")) : "" }

# The comments above line `to`, back to where the last function ends.
function comments(file, to, from) {
  text(file, to)
  for (from = to; from > 1; from--) {
    if (source[file, from - 1] ~ /^[ \t]*\.(size|text|hidden)/) break
  }
  for (; from < to; from++) if (index(source[file, from], "//")) print "  " comment(source[file, from])
}

# What an instruction of the switcher does with its operands, as the source has them.
function purpose(row) {
  sub(/\/\/.*/, "", row)
  row = trimmed(row)
  if (row ~ /GOBUF_SP/ && row ~ /(, %rsp$|^ldr)/) return "the stack changes"
  if (row ~ /, GOBUF_|^st[pr] .*GOBUF_/) return "registers into a gobuf"
  if (row ~ /GOBUF_[A-Z0-9]*\(.*\), |^ld[pr] .*GOBUF_/) return "registers out of a gobuf"
  if (row ~ /gottp|%fs:|tpidr/) return "the thread's word that says whom it runs"
  if (row ~ /^push|^st[pr] .*(\[sp|, #-)/) return "registers onto the stack"
  if (row ~ /^pop|^ld[pr] .*\[sp/) return "registers off the stack"
  if (row ~ /xsave64/) return "the extended state: x87, vectors, masks"
  if (row ~ /xrstor/) return "the extended state, back"
  return ""
}

# One operand is in memory: its offset and register.
function memory(row) { return match(row, /-?(0x[0-9a-f]+)?\(%[a-z0-9]+\)/) ? substr(row, RSTART, RLENGTH) : "" }

# The address that a jump or call leads to.
function target(row) {
  sub(/^[a-z.]+[ \t]+/, "", row)
  sub(/[ \t].*/, "", row)
  sub(/^0x/, "", row)
  return row
}

function isConditional(row) { return row ~ /^(j[^m]|b\.|cb|tb)/ }

# Looks for the check of the stack guard in the function that has been read.
function findCheck(    i, j, k, start) {
  for (i = 1; i <= count; i++) {
    if (code[i] !~ /^(call|bl).*newstack/) continue
    # Where the block with the call starts: behind the jump around it, or elsewhere.
    for (start = i; start > 1 && code[start - 1] !~ /^(j|b|ret)/; start--);
    for (j = start - 1; j >= 1; j--) {
      if (isConditional(code[j]) && (j == start - 1 || target(code[j]) == address[start])) break
    }
    for (k = j - 1; k >= 1 && code[k] !~ /^cm[pn]/; k--);
    if (j < 1 || k < 1) continue
    note[k] = "the check: is it stackPreempt?"
    note[j] = j == start - 1 ? "no: go on" : "yes"
    note[i] = "yes: newstack, which yields"
    if (memory(code[k]) != "") note[k] = "the check: is stackguard0 stackPreempt?"
    else if (memory(code[k - 1]) != "" || code[k - 1] ~ /^ldr/) note[k - 1] = "stackguard0 of the goroutine"
  }
}

# What stands in the way of the stack pointer or of a loop, put there by the compiler.
function findPrologue(    i) {
  for (i = 1; i <= count; i++) {
    if (code[i] ~ /^cmp.*%fs:0x70/) {
      note[i] = "the check: is the stack pointer above the guard?"
      if (isConditional(code[i + 1])) note[i + 1] = code[i + 1] ~ /^jb/ ? "no: ask first" : "yes: go on"
    }
    if (code[i] ~ /^call.*<__morestack/) note[i] = "asks, and goes into the body"
    if (code[i] ~ /%fs:\(%/) note[i] = "the goroutine that this thread runs"
    if (code[i] ~ /^call.*trace_pc_guard/) note[i] = "a safe point: calls checkpoint()"
  }
}

# An instruction, and its line of the source as far as that says more.
function beside(where, instruction, row, said) {
  said = comment(row)
  if (trimmed(substr(row, 1, length(row) - length(said))) == instruction) row = said
  printf row == "" ? "  %6s  %s\n" : "  %6s  %-36s  %s\n", where, instruction, row
}

# What is said of an instruction below it, beside directives.
function continued(file, line) {
  while (text(file, ++line) ~ /^[ \t]+(\.cfi|\/\/)/) {
    if (index(source[file, line], "//")) printf "%44s  %s\n", "", comment(source[file, line])
  }
}

function flush(    i, last, where, row, what, before) {
  if (count == 0) return
  findCheck()
  findPrologue()
  before = ""
  for (i = 1; i <= count; i++) {
    where = file[i] ":" line[i]
    row = text(file[i], line[i])
    if (isAssembly(file[i])) {
      if (i == 1) comments(file[i], line[i])
      what = purpose(row)
      if (what != "" && what != before) print "    " what ":"
      if (what != "") before = what
      beside(address[i], code[i], trimmed(row))
      continued(file[i], line[i])
      continue
    }
    if (where != last) {
      name = file[i]
      sub(/.*\//, "", name)
      if (row != "") printf "    %s: %s\n", name, trimmed(row)
    }
    last = where
    printf note[i] == "" ? "  %6s  %s\n" : "  %6s  %-36s  <- %s\n", address[i], code[i], note[i]
  }
  count = 0
  split("", note)
}

# A function begins.
/^[0-9a-f]+ <.*>:$/ {
  flush()
  name = $0
  sub(/^[0-9a-f]+ </, "", name)
  sub(/>:$/, "", name)
  print (printed++ ? "\n" : "") name
  at = ""
  number = 0
  next
}

# A line of the source: LLVM's begin with a semicolon.
/^(; )?\/.*:[0-9]+/ {
  at = $0
  sub(/^; /, "", at)
  sub(/ \(discriminator.*/, "", at)
  number = at
  sub(/.*:/, "", number)
  sub(/:[0-9]+$/, "", at)
  next
}

/^ *[0-9a-f]+:/ {
  row = $0
  sub(/[ \t]+(#|\/\/).*/, "", row)
  count++
  address[count] = row
  sub(/:.*/, "", address[count])
  sub(/^ */, "", address[count])
  sub(/^ *[0-9a-f]+:[ \t]*/, "", row)
  code[count] = trimmed(row)
  file[count] = at
  line[count] = number + 0
}

END { flush() }
