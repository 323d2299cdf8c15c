import CasemateCore

extension SpaceAdmission {
    // MARK: One unit by itself

    /// Why a unit cannot change whatever the others do, as far as its own rules say.
    func ownBlocker(_ unit: Unit) -> Blocker? {
        guard let first = unit.features.first else { return nil }
        let place = declaration.features[space.features[first].name]?.place
        if unit.features.contains(where: { space.rules[$0].isImmutable }) {
            return Blocker(clause: "is immutable", place: place, isPlain: true)
        }
        if unit.features.count == 1, let blocker = stillness(first, place) { return blocker }
        if let most = declaration.maxCost, let least = cheapest(unit) {
            if least.cost > most.value * (1 + FeatureSpace.costTolerance) {
                return Blocker(
                    clause: "costs at least \(Self.text(least.cost)) to change and 'max_cost' (\(most.place)) is "
                        + Self.text(most.value), place: most.place)
            }
            if least.cost == most.value, !least.isReached {
                return Blocker(
                    clause: "costs more than \(Self.text(least.cost)) to change and 'max_cost' (\(most.place)) is "
                        + Self.text(most.value), place: most.place)
            }
        }
        return nil
    }

    static func text(_ number: Double) -> String {
        number == number.rounded() && number.magnitude < 1e15 ? String(Int(number)) : String(number)
    }

    /// Bounds, steps or moves that leave one value.
    private func stillness(_ feature: Int, _ place: String?) -> Blocker? {
        let rule = space.rules[feature]
        let range = ranges[feature]
        switch rule.domain {
        case .categorical(let levels, let moves):
            if let moves, moves.allSatisfy(\.isEmpty) {
                return Blocker(clause: "has 'moves' that let no level be left", place: place)
            }
            return levels < 2 ? Blocker(clause: "has one level", place: place) : nil
        case .ordinal(let steps):
            guard steps.count == 1, let range, range.low == range.high, range.low == steps.first else { return nil }
            return Blocker(clause: "has one value", place: place)
        case .continuous, .integer:
            guard let range else {
                return rule.low == rule.high ? Blocker(clause: "has bounds that leave one value", place: place) : nil
            }
            if rule.low == rule.high, range.low == range.high, range.low == rule.low {
                return Blocker(clause: "has one value, \(Self.text(Double(rule.low)))", place: place, isPlain: true)
            }
            if rule.direction == .increase, range.low >= rule.high {
                return Blocker(
                    clause: "may only increase and is at its upper bound in all training rows", place: place)
            }
            if rule.direction == .decrease, range.high <= rule.low {
                return Blocker(
                    clause: "may only decrease and is at its lower bound in all training rows", place: place)
            }
            return nil
        }
    }

    /// The least that a change of a unit can cost, and whether a change costs just that.
    private func cheapest(_ unit: Unit) -> (cost: Double, isReached: Bool)? {
        if unit.features.count > 1 {
            var least = Double.infinity
            for to in unit.features {
                for from in unit.features where from != to {
                    let (arrival, departure) = (space.rules[to].cost, space.rules[from].cost)
                    least = min(least, (arrival.map { $0.fixed + $0.increase } ?? 1) + (departure?.decrease ?? 0))
                }
            }
            return (least, true)
        }
        guard let feature = unit.features.first else { return nil }
        let rule = space.rules[feature]
        let cost = rule.cost ?? FeatureSpace.Cost()
        if case .categorical(let levels, let moves) = rule.domain {
            var least = Double.infinity
            for from in 0..<levels {
                for to in moves?[from] ?? Array(0..<levels) where to != from {
                    least = min(least, cost.fixed + (cost.moves[from]?[to] ?? cost.increase))
                }
            }
            return (least, true)
        }
        let rate =
            switch rule.direction {
            case .any: min(cost.increase, cost.decrease)
            case .increase: cost.increase
            case .decrease: cost.decrease
            }
        // why: a value that is no whole number before may go to the next one for less than a whole step.
        let isStepped = rule.domain == .integer && ranges[feature]?.isWhole == true
        let step = isStepped ? 1 / Double(rule.scale) : 0
        return (cost.fixed + rate * step, isStepped || rate == 0)
    }

    // MARK: Relations

    /// What the features can be: numbers as in the training data or within bounds.
    private var box: RuleSpans {
        var box = RuleSpans(
            features: space.features, spans: [], levels: [Set<Int>?](repeating: nil, count: space.features.count))
        for (index, rule) in space.rules.enumerated() {
            guard let range = ranges[index] else {
                box.spans.append(rule.isImmutable ? .init() : .init(low: Double(rule.low), high: Double(rule.high)))
                continue
            }
            let seen = RuleSpans.Span(low: Double(range.low), high: Double(range.high))
            box.spans.append(
                rule.isImmutable ? seen : seen.hull(.init(low: Double(rule.low), high: Double(rule.high))))
        }
        return derive(box)
    }

    private func derive(_ box: RuleSpans) -> RuleSpans {
        var box = box
        for item in space.derived { box.spans[item.feature] = box.span(of: item.expression) }
        return box
    }

    /// Refuses a relation that no row within training ranges and bounds keeps.
    func checkRelations() throws(CasemateError) {
        let box = box
        for (relation, check) in zip(space.relations, space.program.checks)
        where !box.outcome(of: relation.rule).contains(.holds) {
            throw CasemateError(
                .invalidSetting, at: relation.place,
                "the relation '\(relation.name.shortened(to: 60))' cannot hold: "
                    + check.sources.prefix(6).map { said($0, box) }.joined(separator: ", "),
                help: "correct it, or widen the bounds")
        }
    }

    private func said(_ feature: Int, _ box: RuleSpans) -> String {
        let (name, span) = (space.features[feature].name, box.spans[feature])
        if space.features[feature].levels != nil { return "'\(name)' is a category" }
        let range = "\(Self.text(span.low)) to \(Self.text(span.high))"
        return "'\(name)' is \(span.isPoint ? Self.text(span.low) : range)"
    }

    /// A relation that no changed value of a unit keeps.
    func relationBlocker(_ unit: Unit) -> Blocker? {
        guard let feature = unit.features.first, unit.features.count == 1 else { return nil }
        var box = box
        let rule = space.rules[feature]
        let range = ranges[feature]
        if case .categorical(let levels, let moves) = rule.domain {
            box.levels[feature] = Set(moves.map { $0.flatMap { $0 } } ?? Array(0..<levels))
            box.spans[feature] = .init(low: 0, high: Double(levels - 1))
        } else {
            var (low, high) = (Double(rule.low), Double(rule.high))
            if rule.direction == .increase, let range { low = max(low, Double(range.low)) }
            if rule.direction == .decrease, let range { high = min(high, Double(range.high)) }
            box.spans[feature] = .init(low: low, high: max(low, high))
        }
        box = derive(box)
        for (relation, check) in zip(space.relations, space.program.checks)
        where check.sources.contains(feature) && !box.outcome(of: relation.rule).contains(.holds) {
            return Blocker(
                clause:
                    "keeps the relation '\(relation.name.shortened(to: 60))' (\(relation.place)) with no value that "
                    + "its own rule allows", place: relation.place)
        }
        return nil
    }

    // MARK: Equations

    /// Blocks what equations tie to features that cannot change: alone, or together where they leave one solution.
    func blockTied(_ units: [Unit], _ blockers: inout [Blocker?]) {
        var equations: [(relation: Int, form: LinearForm)] = []
        for (index, check) in space.program.checks.enumerated() where check.isConjunction {
            for atom in check.atoms where atom.relation == .equal {
                if let form = atom.linear { equations.append((index, form)) }
            }
        }
        guard !equations.isEmpty else { return }
        var hasGrown = true
        while hasGrown {
            hasGrown = false
            let open = units.indices.filter { blockers[$0] == nil }
            let columns = open.flatMap { units[$0].features }
            let tied = Self.determined(
                equations.map { equation in
                    columns.map { column in
                        equation.form.features.firstIndex(of: column).map { equation.form.coefficients[$0] } ?? 0
                    }
                }, columns: columns)
            for index in open {
                let involved = equations.filter { !Set($0.form.features).isDisjoint(with: units[index].features) }
                let isAlone = space.maxChanges == 1 && units[index].features.count == 1 && !involved.isEmpty
                guard isAlone || units[index].features.allSatisfy(tied.contains) else { continue }
                let names = Set(involved.map(\.relation)).sorted().prefix(3).map {
                    "'\(space.relations[$0].name.shortened(to: 60))' (\(space.relations[$0].place))"
                }
                let why = isAlone ? "to others, and 'max_changes' is 1" : "to what cannot change"
                blockers[index] = Blocker(
                    clause: "is tied by \(names.joined(separator: " and ")) \(why)",
                    place: involved.first.map { space.relations[$0.relation].place })
                hasGrown = true
            }
        }
    }

    /// Columns whose value a system of equations fixes: those with a row of their own after elimination.
    private static func determined(_ rows: [[Double]], columns: [Int]) -> Set<Int> {
        var rows = rows.map { row -> [Double] in
            let size = row.map(\.magnitude).max() ?? 0
            return size > 0 ? row.map { $0 / size } : row
        }
        var found: Set<Int> = []
        var pivots = 0
        for column in columns.indices where pivots < rows.count {
            guard let best = (pivots..<rows.count).max(by: { rows[$0][column].magnitude < rows[$1][column].magnitude }),
                rows[best][column].magnitude > 1e-9
            else { continue }
            rows.swapAt(pivots, best)
            let pivot = rows[pivots].map { $0 / rows[pivots][column] }
            rows[pivots] = pivot
            for other in rows.indices where other != pivots && rows[other][column] != 0 {
                let factor = rows[other][column]
                for index in columns.indices { rows[other][index] -= factor * pivot[index] }
            }
            pivots += 1
        }
        for row in rows[..<pivots] {
            let used = columns.indices.filter { row[$0].magnitude > 1e-9 }
            if used.count == 1 { found.insert(columns[used[0]]) }
        }
        return found
    }
}
