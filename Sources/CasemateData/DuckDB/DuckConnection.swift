import CDuckDB
import CasemateCore
import Foundation
import Synchronization

/// A connection for one query.
final class DuckConnection {
    private let library: DuckLibrary, handle: OpaquePointer, place: String, isQuery: Bool
    let interrupter: DuckInterrupter

    /// `isQuery` says that the SQL comes from the user: one SELECT and nothing else.
    init(_ library: DuckLibrary, database: OpaquePointer, place: String, isQuery: Bool) throws(CasemateError) {
        var opened: OpaquePointer?
        let (code, message) = DuckMessage.capture { cduck_connect(library.handle, database, &opened, $0, $1) }
        guard code == 0, let opened else { throw DuckFailure.error(message, at: place, isQuery: isQuery) }
        (self.library, handle, self.place, self.isQuery) = (library, opened, place, isQuery)
        interrupter = DuckInterrupter(library, connection: opened)
    }

    deinit {
        interrupter.finish()
        cduck_disconnect(library.handle, handle)
    }

    /// Prepares, binds and runs one statement; rows are computed as they are asked for.
    func run<Value>(
        _ sql: String, _ parameters: [QueryParameter], _ body: (DuckResult) throws -> Value
    ) throws -> Value {
        guard !sql.utf8.contains(0) else {
            throw CasemateError(.invalidSetting, at: place, "SQL holds NUL", help: "remove it")
        }
        var statement: OpaquePointer?
        try check { cduck_prepare(library.handle, handle, sql, &statement, $0, $1) }
        guard let statement else { throw DuckFailure.inconsistent(place) }
        defer { cduck_statement_free(library.handle, statement) }
        guard !isQuery || cduck_statement_is_select(library.handle, statement) else {
            throw CasemateError(.refused, at: place, "only SELECT is allowed", help: "write one SELECT")
        }
        try bind(parameters, to: statement)
        var result: OpaquePointer?
        try check { cduck_execute(library.handle, statement, true, &result, $0, $1) }
        guard let result else { throw DuckFailure.inconsistent(place) }
        defer { cduck_result_free(library.handle, result) }
        return try body(DuckResult(library, result, place: place, isQuery: isQuery))
    }

    private func bind(_ parameters: [QueryParameter], to statement: OpaquePointer) throws(CasemateError) {
        let needed = cduck_parameter_count(library.handle, statement)
        guard needed == parameters.count else {
            throw CasemateError(
                .invalidSetting, at: place, "SQL has \(needed) parameters, \(parameters.count) values are given",
                help: "give one value for each")
        }
        for (position, parameter) in parameters.enumerated() {
            let index = position + 1
            try check { buffer, capacity in
                switch parameter {
                case .integer(let value):
                    cduck_bind_int64(library.handle, statement, index, Int64(value), buffer, capacity)
                case .number(let value): cduck_bind_double(library.handle, statement, index, value, buffer, capacity)
                case .text(var value):
                    value.withUTF8 { bytes in
                        bytes.withMemoryRebound(to: CChar.self) { text in
                            // why "": DuckDB takes a null pointer for a null text.
                            text.baseAddress.map {
                                cduck_bind_text(library.handle, statement, index, $0, text.count, buffer, capacity)
                            } ?? cduck_bind_text(library.handle, statement, index, "", 0, buffer, capacity)
                        }
                    }
                case .boolean(let value): cduck_bind_bool(library.handle, statement, index, value, buffer, capacity)
                case .null: cduck_bind_null(library.handle, statement, index, buffer, capacity)
                }
            }
        }
    }

    private func check(_ call: (UnsafeMutablePointer<CChar>, Int) -> Int32) throws(CasemateError) {
        let (code, message) = DuckMessage.capture(call)
        guard code != 0 else { return }
        throw DuckFailure.error(message, at: place, isQuery: isQuery)
    }
}

/// Interrupts the query of one connection, again and again until it has ended.
///
/// why again: DuckDB forgets an interruption that comes just before a query begins.
final class DuckInterrupter: Sendable {
    private let library: DuckLibrary
    // why unchecked: only used under `isOver`, which is set before the connection closes; DuckDB allows any thread.
    nonisolated(unsafe) private let connection: OpaquePointer
    private let isOver = Mutex(false)

    init(_ library: DuckLibrary, connection: OpaquePointer) { (self.library, self.connection) = (library, connection) }

    /// Begins to interrupt, from a thread of its own.
    func start() {
        Thread.detachNewThread { [self] in
            while interrupt() { usleep(5000) }
        }
    }
    /// The query has ended; nothing is interrupted afterwards.
    func finish() { isOver.withLock { $0 = true } }

    private func interrupt() -> Bool {
        isOver.withLock { isOver in
            if !isOver { cduck_interrupt(library.handle, connection) }
            return !isOver
        }
    }
}
