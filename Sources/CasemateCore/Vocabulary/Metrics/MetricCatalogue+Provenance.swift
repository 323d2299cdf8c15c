extension MetricCatalogue {
    /// Metrics of the probe `provenance`.
    static let provenance: [Entry] = [
        Entry("provenance.files", .count, "files that were checked against the ledger"),
        Entry("provenance.changed_files", .count, "files that are not what was registered"),
        Entry(
            "provenance.changed_rows", .count,
            "rows that were changed, added, removed or moved since they were registered"),
        Entry("provenance.missing_files", .count, "registered files that are no longer there"),
        Entry("provenance.unregistered_files", .count, "files that no entry is about"),
        Entry("provenance.entries", .count, "entries of the ledger that are what they were"),
        Entry(
            "provenance.ledger_problems", .count, "entries altered, removed, moved, repeated, cut off or never finished"
        ),
        Entry("provenance.unsigned_entries", .count, "entries without signature"),
    ]
}
