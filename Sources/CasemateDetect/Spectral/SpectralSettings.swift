/// How spectral signatures and activation clusters are looked for.
public struct SpectralSettings: Hashable, Sendable {
    /// Most rows that networks learn from; more are sampled.
    public var rowLimit = 10_000
    /// Widths of the hidden layers of the network that is trained here, and times that it sees the rows. One wide layer
    /// keeps a trigger apart from what the class looks like; narrow ones mix them.
    public var hidden = [256], epochs = 8
    /// Fewest rows of a class, and of a cluster, that are examined.
    public var classRows = 40, clusterRows = 8
    /// Largest share of its class that a cluster may have, and most clusters that a class is split into.
    /// Source of the share: Chen et al., 2018.
    public var clusterShare = 0.35, clusters = 6
    /// Principal components that clusters are made in.
    public var components = 10
    /// How far a projection must lie from the median to be flagged, in robust standard deviations.
    public var deviations = 5.0
    /// Smallest share of a class that held-out networks must recognise: where classes overlap, none of this means much.
    public var recall = 0.8
    /// Smallest mean of these shares over the classes.
    public var meanRecall = 0.85
    /// Largest share of the rest that goes to one class, where a trigger on rows of several classes is to be told from a
    /// kind of row that looks like another class.
    public var oneClass = 0.7
    /// A cluster is poison when held-out networks that saw others of it recognise at least the first share of it, and one
    /// that saw none at most the second.
    public var recognised = 0.6, unrecognised = 0.4
    /// Largest share of a group whose nearest rows outside it may have its class.
    public var atHome = 0.2
    /// Makes the defaults.
    public init() {}
}
