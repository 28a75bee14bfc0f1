// swift-tools-version: 6.2
import PackageDescription

let stages = [
  "01-coroutines", "02-channels", "03-global-queue", "04-syscalls", "05-processors",
  "06-work-stealing", "07-spinning",
  "08-sysmon", "09-timers", "10-netpoll", "11-preemption", "12-signals",
  "13-stop-the-world", "14-stack-growth", "15-bootstrap",
]

/// STAGE=05 in the environment: that stage and its tests, and nothing else; STAGE=tools:
/// of the tests those of the tools alone.
let tested = Context.environment["STAGE"]
let isOneStage =
  tested.map { number in stages.contains { $0.hasPrefix(number + "-") } } ?? false

/// What a program or a test sees of a stage: one name, whichever stage it is.
func stageAlias(_ number: Substring) -> [SwiftSetting] {
  [.unsafeFlags(["-module-alias", "Stage=Stage\(number)"])]
}

let stageTargets = stages.enumerated().flatMap { i, name -> [Target] in
  let number = name.prefix(2)
  let stage = "Stage\(number)"
  // What its gate is bad on.
  let before =
    i == 0 ? [] : [Target.Dependency.target(name: "Stage\(stages[i - 1].prefix(2))")]
  let targets: [Target] = [
    .target(name: "\(stage)Asm", path: "Stages/\(name)/Asm"),
    .target(
      name: stage,
      dependencies: [.target(name: "\(stage)Asm"), .target(name: "CLinux")],
      path: "Stages/\(name)/Runtime"
    ),
  ]
  if let tested, tested != number {
    // What its gate is bad on, or what programs and tools are made of.
    let next = i + 1 < stages.count ? stages[i + 1].prefix(2) : number
    return tested == next || i == stages.count - 1 && !isOneStage ? targets : []
  }
  return targets + [
    .testTarget(
      name: "\(stage)Tests",
      dependencies: [
        .target(name: stage), .target(name: "CLinux"), .target(name: "TraceFile"),
      ] + before,
      path: "Tests/\(name)",
      exclude: ["switcher"],
      swiftSettings: stageAlias(number)
    )
  ]
}

let toolTests: [Target] = [
  .testTarget(name: "CourseTests", dependencies: ["CourseTool"], path: "Tests/course"),
  .testTarget(
    name: "TraceTests",
    dependencies: ["TraceFile", "TraceTool"],
    path: "Tests/trace"
  ),
]

let toolTargets: [Target] = [
  .target(name: "Arguments"),
  .target(name: "Goroutines", dependencies: ["Stage15"]),
  .executableTarget(
    name: "bench",
    dependencies: ["Goroutines", "Arguments"],
    exclude: ["go"]
  ),
  .executableTarget(
    name: "benchstages",
    dependencies: ["Arguments"],
    path: "Sources/benchstages/tool"
  ),
  .target(
    name: "CourseTool", dependencies: ["Arguments"], path: "Sources/course",
    exclude: ["main"]),
  .executableTarget(
    name: "course", dependencies: ["CourseTool"], path: "Sources/course/main"),
  .executableTarget(name: "host", dependencies: ["Goroutines"], exclude: ["host.sh"]),
  .executableTarget(
    name: "programs",
    dependencies: ["Stage15", "CLinux", "Arguments"],
    exclude: ["programs.sh", "check.sh"],
    swiftSettings: stageAlias("15")
  ),
  .executableTarget(
    name: "stress",
    dependencies: ["Stage15", "Arguments"],
    exclude: ["stress.sh"],
    swiftSettings: stageAlias("15")
  ),
  .executableTarget(
    name: "tour",
    dependencies: ["Stage15", "Arguments"],
    exclude: ["tour.sh"],
    swiftSettings: stageAlias("15")
  ),
  .target(
    name: "TraceTool",
    dependencies: ["TraceFile", "Arguments"],
    path: "Sources/trace",
    exclude: ["main", "trace.sh", "browser.sh"],
    resources: [.copy("viewer.html")]
  ),
  .executableTarget(
    name: "trace", dependencies: ["TraceTool"], path: "Sources/trace/main"),
]

let package = Package(
  name: "Goroutines",
  products: isOneStage ? [] : [.library(name: "Goroutines", targets: ["Goroutines"])],
  targets: [.target(name: "CLinux"), .target(name: "TraceFile")]
    + stageTargets + (isOneStage ? [] : toolTargets + toolTests)
)
