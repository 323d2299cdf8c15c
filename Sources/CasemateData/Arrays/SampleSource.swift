/// Where samples and their labels are to be read from.
public struct SampleSource: Hashable, Sendable {
    /// A `.npy`, `.npz` or idx file, gzip or not, or a folder with one sub-folder of images a class.
    public var path: String
    /// A file of labels; `nil` to look inside the archive or beside the file.
    public var labelsPath: String?
    /// Name of the array of samples in an archive; `nil` to go by the usual names.
    public var samplesArray: String?
    /// Name of the array of labels in an archive; `nil` to go by the usual names.
    public var labelsArray: String?
    /// Names of the classes in the order of the model's outputs; `nil` to take them from the data.
    public var classNames: [String]?

    /// Names a source.
    public init(
        _ path: String, labelsPath: String? = nil, samplesArray: String? = nil, labelsArray: String? = nil,
        classNames: [String]? = nil
    ) {
        (self.path, self.labelsPath) = (path, labelsPath)
        (self.samplesArray, self.labelsArray, self.classNames) = (samplesArray, labelsArray, classNames)
    }
}
