/// Where the rows of opened files are kept.
public enum DataStorage: String, Hashable, Sendable, CaseIterable {
    /// Every file is copied into memory, which makes many small queries fast.
    case memory
    /// Files may be larger than memory: a Parquet file is read where it lies, whenever a query asks; any other file
    /// above `DataStorage.memorySize` goes to a database in a temporary folder, which ends with the tables. Queries
    /// write what does not fit the memory limit to that folder.
    case scan

    /// Content of a file, in bytes, up to which `scan` keeps it in memory.
    public static let memorySize = 64 << 20
    /// Memory limit of `scan` where the engine was given none.
    public static let scanMemory = "2GB"
}
