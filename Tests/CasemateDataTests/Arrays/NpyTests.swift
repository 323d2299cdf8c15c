import CasemateCore
import CasemateData
import TestSupport
import Testing

/// NumPy arrays in every form, beside what NumPy reads.
@Suite struct NpyTests {
    @Test func everyTypeAndOrderReadsAsNumPyReadsIt() throws {
        let entries = try ArraySupport.figures.get()["npy"].list
        #expect(entries.count > 40)
        for entry in entries {
            let name = try #require(entry["name"].text)
            let set = try ArraySupport.read(ArraySupport.bytes(entry["hex"]))
            #expect([set.count] + set.shape == entry["shape"].ints, "\(name)")
            #expect(set.element.rawValue == entry["element"].text, "\(name)")
            let expected = entry["values"].list.map { Float($0.double ?? .nan) }
            #expect(set.values == expected, "\(name)")
            #expect(set.labels == nil)
        }
    }

    @Test func roundingIsSaid() throws {
        let entry = try #require(
            try ArraySupport.figures.get()["npy"].list.first { $0["name"].text == "<f8" })
        let set = try ArraySupport.read(ArraySupport.bytes(entry["hex"]))
        #expect(set.warnings.count == 1 && set.warnings[0].contains("rounded from float64"), "\(set.warnings)")
        let halves = try #require(
            try ArraySupport.figures.get()["npy"].list.first { $0["name"].text == "special halves" })
        let special = try ArraySupport.read(ArraySupport.bytes(halves["hex"]))
        #expect(special.warnings == ["2 values are NaN or infinite"])
        #expect(special.nonFiniteCount == 2 && special.range == -2.5...65504)
    }

    @Test func otherValuesAreRefusedAndNothingIsUnpickled() throws {
        for entry in try ArraySupport.figures.get()["refused"].list {
            let error = try #require(ArraySupport.failure(ArraySupport.bytes(entry["hex"])))
            #expect(error.code == .unsupported, "\(entry["name"].text ?? "")")
            if entry["name"].text == "object" { #expect(error.what.contains("unpickling")) }
        }
    }

    @Test(arguments: [
        ("{}", "does not hold 'descr'"), ("{'descr': '|u1'", "a comma or '}'"), ("[1, 2", "a comma or ']'"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}", "each once"),
        ("{'descr': '|u1', 'fortran_order': 0, 'shape': (2,)}", "neither True nor False"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': 2}", "no tuple"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-2,)}", "something else than lengths"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)} x", "more text follows"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999999999,)}", "does not fit 64 bits"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", "can be counted"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", "takes 3 bytes, 2 follow"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", "takes 1 bytes, 2 follow"),
        ("{'descr': '<q9', 'fortran_order': False, 'shape': (1,)}", "no type of values"),
        ("{'descr': __import__('os').system('id'), 'fortran_order': False, 'shape': (1,)}", "no literal"),
        (String(repeating: "(", count: 50), "nested too deeply"),
    ])
    func badHeadersAreNamed(header: String, wanted: String) throws {
        let error = try #require(ArraySupport.failure(ArraySupport.npy(header, [1, 2])))
        #expect(error.code == .malformed && error.what.contains(wanted), "\(error)")
    }

    @Test func limitsHold() throws {
        var limits = SampleLimits()
        limits.values = 5
        let bytes = ArraySupport.npy(shape: "(2, 3)", [1, 2, 3, 4, 5, 6])
        #expect(ArraySupport.failure(bytes, limits: limits)?.code == .limitExceeded)
        limits.values = 6
        #expect(try ArraySupport.read(bytes, limits: limits).values == [1, 2, 3, 4, 5, 6])
        limits.samples = 1
        #expect(ArraySupport.failure(bytes, limits: limits)?.code == .limitExceeded)
        limits = SampleLimits()
        limits.fileBytes = 20
        #expect(ArraySupport.failure(bytes, limits: limits)?.code == .limitExceeded)
        let huge = ArraySupport.npy(shape: "(1099511627776, 1)", [1])
        #expect(ArraySupport.failure(huge)?.code == .limitExceeded)
        let none = try #require(ArraySupport.failure(ArraySupport.npy(shape: "(0, 4)", [])))
        #expect(none.code == .unusableData && none.what.contains("[0, 4]"))
        #expect(ArraySupport.failure(ArraySupport.npy(shape: "()", [1]))?.code == .unusableData)
        #expect(ArraySupport.failure([])?.what == "is empty")
        #expect(ArraySupport.failure(Array("a,b\n1,2\n".utf8))?.code == .malformed)
    }

    @Test func labelsLieBesideUnderTheUsualNames() throws {
        let x = ArraySupport.npy(shape: "(3, 2)", [1, 2, 3, 4, 5, 6]), y = ArraySupport.npy(shape: "(3,)", [2, 0, 1])
        let pairs = [
            ("x.npy", "y.npy"), ("X_test.npy", "y_test.npy"), ("images.npy", "labels.npy"),
            ("test_images.npy", "test_labels.npy"), ("train_inputs.npy", "train_targets.npy"),
            ("data.npy", "targets.npy"), ("mnist-images.npy", "mnist-labels.npy"),
        ]
        for (samples, labels) in pairs {
            try ArraySupport.withFiles([samples: x, labels: y]) { folder in
                let set = try SampleReader().read(SampleSource(folder + "/" + samples))
                #expect(set.labels == [2, 0, 1], "\(samples)")
                #expect(set.source.contains(labels))
            }
        }
        try ArraySupport.withFiles(["a.npy": x, "b.npy": y]) { folder in
            #expect(try SampleReader().read(SampleSource(folder + "/a.npy")).labels == nil)
            let named = SampleSource(folder + "/a.npy", labelsPath: folder + "/b.npy", classNames: ["p", "q", "r"])
            let set = try SampleReader().read(named)
            #expect(set.labels == [2, 0, 1] && set.classNames == ["p", "q", "r"])
            let short = SampleSource(folder + "/a.npy", labelsPath: folder + "/b.npy", classNames: ["p", "q"])
            #expect(throws: CasemateError.self) { try SampleReader().read(short) }
            let array = SampleSource(folder + "/a.npy", samplesArray: "x")
            #expect(throws: CasemateError.self) { try SampleReader().read(array) }
        }
    }

    @Test func labelsThatNameNoClassAreRefused() throws {
        let x = ArraySupport.npy(shape: "(2, 2)", [1, 2, 3, 4])
        func failure(_ labels: [UInt8]) throws -> CasemateError? {
            try ArraySupport.withFiles(["x.npy": x, "y.npy": labels]) { folder in
                do {
                    _ = try SampleReader().read(SampleSource(folder + "/x.npy"))
                    return nil
                } catch { return error as? CasemateError }
            }
        }
        let short = try #require(try failure(ArraySupport.npy(shape: "(3,)", [0, 1, 2])))
        #expect((short.code, short.what) == (.mismatch, "3 labels for 2 samples"))
        let hot = try #require(try failure(ArraySupport.npy(shape: "(2, 3)", [0, 1, 0, 1, 1, 0])))
        #expect(hot.code == .unusableData && hot.what.contains("sample 2"))
        let negative = "{'descr': '|i1', 'fortran_order': False, 'shape': (2,)}"
        let below = try #require(try failure(ArraySupport.npy(negative, [0, 255])))
        #expect(below.what.contains("'-1' for sample 2"))
        let wide = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}"
        #expect(try failure(ArraySupport.npy(wide, [UInt8](repeating: 127, count: 16)))?.code == .unusableData)
        let real = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}"
        #expect(try failure(ArraySupport.npy(real, [0, 0, 0, 63, 0, 0, 0, 0]))?.code == .unusableData)
        #expect(try failure(ArraySupport.npy(shape: "(2, 0)", []))?.code == .unusableData)
    }

    @Test func gzipIsExpanded() throws {
        let packed = try ArraySupport.gzip(ArraySupport.npy(shape: "(2, 3)", [1, 2, 3, 4, 5, 6]))
        #expect(try ArraySupport.read(packed, as: "x.npy.gz").values == [1, 2, 3, 4, 5, 6])
        var limits = SampleLimits()
        limits.fileBytes = packed.count
        #expect(ArraySupport.failure(try ArraySupport.gzip([UInt8](repeating: 0, count: 100_000)))?.code == .malformed)
        let bomb = try ArraySupport.gzip([UInt8](repeating: 0, count: 10_000_000))
        limits.fileBytes = 1_000_000
        #expect(ArraySupport.failure(bomb, limits: limits)?.code == .limitExceeded)
    }
}
