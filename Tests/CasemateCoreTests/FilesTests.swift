import CasemateCore
import Foundation
import TestSupport
import Testing

@Suite struct FilesTests {
    /// FIPS 180-4's example: the digest of "abc".
    @Test func digestMatchesThePublishedExample() throws {
        try Repository.withTemporaryFolder { folder in
            try Data("abc".utf8).write(to: URL(fileURLWithPath: folder + "/a"))
            let digest = try FileDigest(of: folder + "/a")
            #expect(digest.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
            #expect(digest.bytes == 3)
        }
    }

    @Test func digestOfWhatIsNoFileSaysSo() {
        #expect { try FileDigest(of: "/nowhere/at/all") } throws: { ($0 as? CasemateError)?.code == .notFound }
        #expect { try FileDigest(of: "/") } throws: { ($0 as? CasemateError)?.code == .unreadable }
    }

    @Test func filesAppearWholeOrNotAtAll() throws {
        try Repository.withTemporaryFolder { folder in
            let output = OutputFolder(folder + "/new")
            try output.write([("a.txt", Data("one".utf8)), ("b.txt", Data("two".utf8))])
            #expect(try String(contentsOfFile: folder + "/new/a.txt", encoding: .utf8) == "one")
            // A name that cannot be written fails the whole set, and the older file stays as it was.
            #expect(throws: CasemateError.self) {
                try output.write([("a.txt", Data("three".utf8)), ("no/such/folder.txt", Data())])
            }
            #expect(try String(contentsOfFile: folder + "/new/a.txt", encoding: .utf8) == "one")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder + "/new").sorted() == ["a.txt", "b.txt"])
        }
    }

    @Test func whatIsConfidentialIsForItsOwnerAlone() throws {
        func rights(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        try Repository.withTemporaryFolder { folder in
            try OutputFolder(folder + "/own").write([("a", Data("one".utf8))], isConfidential: true)
            #expect(try rights(folder + "/own") == 0o700 && rights(folder + "/own/a") == 0o600)
            // A folder that is there keeps its rights; a file that others could read is replaced by one that they cannot.
            try OutputFolder(folder + "/open").write([("a", Data("one".utf8))])
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/open")
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder + "/open/a")
            try OutputFolder(folder + "/open").write([("a", Data("two".utf8))], isConfidential: true)
            #expect(try rights(folder + "/open") == 0o755 && rights(folder + "/open/a") == 0o600)
        }
    }

    @Test func aFileInThePlaceOfAFolderIsUnwritable() throws {
        try Repository.withTemporaryFolder { folder in
            try Data().write(to: URL(fileURLWithPath: folder + "/file"))
            #expect { try OutputFolder(folder + "/file").prepare() } throws: {
                ($0 as? CasemateError)?.code == .unwritable
            }
        }
    }

    @Test func aFullDiskIsSaid() {
        #expect { try OutputFolder("/dev/full").write([("x", Data("x".utf8))]) } throws: {
            ($0 as? CasemateError)?.code == .unwritable
        }
    }

    @Test func missingEngineNamesEveryPlaceAndTheCommand() throws {
        let search = EngineSearch(environment: [:], systemFolders: ["/nowhere"], enginesFolders: ["/also/nowhere"])
        let error = #expect(throws: CasemateError.self) { try search.locate(.onnxRuntime) }
        #expect(error?.code == .engineMissing)
        for part in ["onnxruntime", "/nowhere", "/also/nowhere", "CASEMATE_ONNXRUNTIME", "make setup"] {
            #expect(error?.description.contains(part) == true, "\(part)")
        }
    }

    @Test func aWrongVariableIsNotPassedOverInSilence() {
        let search = EngineSearch(environment: ["CASEMATE_DUCKDB": "/no/such.so"], enginesFolders: [])
        #expect { try search.locate(.duckDB) } throws: { ($0 as? CasemateError)?.place == "CASEMATE_DUCKDB" }
    }
}
