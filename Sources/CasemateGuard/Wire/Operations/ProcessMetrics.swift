import Foundation

/// Memory, time and descriptors of this process, under the names that Prometheus' own libraries use.
///
/// Read when `/metrics` is asked for. Where the system has no `/proc` they are left out.
enum ProcessMetrics {
    static func update(_ metrics: MetricsRegistry) {
        if let pages = numbers("/proc/self/statm"), pages.count > 1 {
            let size = Double(sysconf(Int32(_SC_PAGESIZE)))
            metrics.gauge("process_virtual_memory_bytes", "Virtual memory.").set(pages[0] * size)
            metrics.gauge("process_resident_memory_bytes", "Resident memory.").set(pages[1] * size)
        }
        var usage = rusage()
        if getrusage(ownProcess, &usage) == 0 {
            let seconds = Double(usage.ru_utime.tv_sec) + Double(usage.ru_stime.tv_sec)
            let rest = Double(usage.ru_utime.tv_usec) + Double(usage.ru_stime.tv_usec)
            metrics.counter("process_cpu_seconds_total", "Time on processors.").set(seconds + rest / 1e6)
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            metrics.gauge("process_open_fds", "Open descriptors.").set(Double(open.count))
        }
        var limit = rlimit()
        if getrlimit(openFiles, &limit) == 0, limit.rlim_cur < 1 << 62 {
            metrics.gauge("process_max_fds", "Descriptors that may be open.").set(Double(limit.rlim_cur))
        }
    }

    private static func numbers(_ path: String) -> [Double]? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    }

    #if canImport(Glibc)
        private static var openFiles: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
        private static var ownProcess: __rusage_who_t { __rusage_who_t(RUSAGE_SELF.rawValue) }
    #else
        private static var ownProcess: Int32 { RUSAGE_SELF }
        private static var openFiles: Int32 { Int32(RLIMIT_NOFILE) }
    #endif
}
