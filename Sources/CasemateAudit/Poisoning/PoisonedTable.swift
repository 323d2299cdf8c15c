import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation

/// The rows of a table with all their columns as texts, so that poisoned rows can be written out as a file would have
/// them: sources, times and identifiers included.
struct PoisonedTable: Sendable {
    let names: [String]
    let types: [String: ColumnType]
    /// Values by column.
    let columns: [[String?]]
    /// How the data spell each class.
    let spellings: [String]
    /// Column of labels, of the text that is the sample, and of each feature.
    let target: Int, text: Int?, features: [Int]
    let count: Int

    /// Reads rows of a table.
    /// - Parameters:
    ///   - rows: Rows of the table, ascending.
    ///   - labels: Class of each of these rows, below `classes.count`.
    /// - Throws: what reading throws.
    init(
        _ table: DataTable, rows: [Int], target: String, labels: [Int32], classes: [String], features: [Feature],
        text: String? = nil
    ) throws {
        names = table.columns.map(\.name)
        types = Dictionary(uniqueKeysWithValues: table.columns.map { ($0.name, $0.type) })
        columns = try names.map { name in
            let values = try table.texts(name)
            return rows.count == values.count ? values : rows.map { values[$0] }
        }
        count = rows.count
        _ = try table.column(target)
        self.target = names.firstIndex(of: target) ?? 0
        self.text = text.flatMap { text in table.columns.firstIndex { $0.name == text } }
        self.features = try features.map { feature in
            _ = try table.column(feature.name)
            return table.columns.firstIndex { $0.name == feature.name } ?? 0
        }
        var spellings = classes
        var known = Set<Int32>()
        for (row, label) in labels.enumerated() where known.insert(label).inserted {
            if let value = columns[self.target][row] { spellings[Int(label)] = value }
        }
        self.spellings = spellings
    }

    /// The values of a column, `nil` where there is none of that name.
    func values(_ name: String) -> [String?]? { names.firstIndex(of: name).map { columns[$0] } }

    /// The table with plants in it. A row that is added takes what the plant does not say from an honest row.
    func planted(_ plants: [Plant], features: [Feature]) -> [[String?]] {
        var columns = columns
        for (index, plant) in plants.enumerated() {
            let row: Int
            if let changed = plant.row {
                row = changed
            } else {
                row = columns[0].count
                for column in columns.indices { columns[column].append(self.columns[column][index % max(1, count)]) }
            }
            columns[target][row] = spellings[Int(plant.label)]
            switch plant.content {
            case .unchanged: break
            case .text(let text): if let own = self.text { columns[own][row] = text.text }
            case .values(let values):
                for (feature, value) in values.enumerated() {
                    let column = self.features[feature]
                    // why only changes: a float32 does not spell a number as the file does.
                    if value.isNaN || isSame(value, columns[column][row], features[feature]) { continue }
                    columns[column][row] = features[feature].text(of: value)
                }
            }
        }
        return columns
    }

    private func isSame(_ value: Float, _ text: String?, _ feature: Feature) -> Bool {
        guard let text else { return false }
        if feature.levels != nil { return feature.text(of: value) == text }
        switch text {
        case "true": return value == 1
        case "false": return value == 0
        default: return Double(text).map { Float($0) == value } ?? false
        }
    }

    /// Columns as the bytes of a CSV file.
    func csv(_ columns: [[String?]]) -> Data {
        var text = names.map(Self.cell).joined(separator: ",") + "\n"
        for row in 0..<(columns.first?.count ?? 0) {
            text += columns.map { $0[row].map(Self.cell) ?? "" }.joined(separator: ",") + "\n"
        }
        return Data(text.utf8)
    }

    private static func cell(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.utf8.allSatisfy { byte in
                byte != UInt8(ascii: "\"") && byte != UInt8(ascii: ",") && byte > 32
            }
        return isPlain ? value : "\"" + value.replacing("\"", with: "\"\"") + "\""
    }
}
