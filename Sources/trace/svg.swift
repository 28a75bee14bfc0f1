import TraceFile
func svg(_ trace: Named, _ window: Window) -> String { "" }
