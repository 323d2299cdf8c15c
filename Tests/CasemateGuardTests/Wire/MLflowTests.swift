import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import Synchronization
import Testing

@Suite struct MLflowTests {
    /// A regression whose value is the sum of the row; NaN counts 1,000.
    private static func sum(_ model: ModelDescription) -> WireBackend {
        var backend = WireBackend(description: model)
        backend.answer = { request in
            let matrix = request.matrix
            let sums = (0..<request.rows).map { row -> Float in
                matrix?[row: row].reduce(0) { $0 + ($1.isNaN ? 1_000 : $1) } ?? 0
            }
            return InferenceAnswer(
                outputs: [NamedTensor("y", Tensor(shape: [request.rows, 1], .float(sums)))],
                predictions: Predictions(task: .regression, classes: [], kind: .value, scores: sums, labels: []),
                roles: .init(label: nil, scores: "y", kind: .value))
        }
        return backend
    }
    private static let named = WireModels.matrix
    private static let unnamed = WireModels.model(
        [.init(name: "x", type: .float, shape: [nil, 2])], features: [Feature("f0"), Feature("f1")])
    private static let trees = WireModels.model(
        [.init(name: "x", type: .float, shape: [nil, 2])],
        features: [Feature("a"), Feature("b", .categorical(levels: ["u", "v"]))], platform: "casemate_trees")
    private static let columns = WireModels.model(
        [
            .init(name: "n", type: .int64, shape: [nil, 1]), .init(name: "p", type: .double, shape: [nil, 1]),
            .init(name: "s", type: .string, shape: [nil, 1]), .init(name: "f", type: .bool, shape: [nil]),
        ],
        features: [Feature("n"), Feature("p"), Feature("s", .categorical(levels: ["u", "v"])), Feature("f")],
        layout: .columns)

    @Test(arguments: [
        #"{"dataframe_split":{"columns":["a","b"],"data":[[1,10],[2.5,20]]}}"#,
        #"{"dataframe_split":{"index":[7,8],"columns":["b","a"],"data":[[10,1],[20,2.5]]},"params":{}}"#,
        #"{"dataframe_split":{"columns":["z","b","a"],"data":[["q",10,1],[null,20,2.5]]},"params":null}"#,
        #"{"dataframe_records":[{"a":1,"b":10},{"b":20,"c":{},"a":2.5}]}"#,
        #"{"instances":[{"b":10,"a":1},{"a":2.5,"b":20}]}"#, #"{"inputs":{"b":[10,20],"a":[1,2.5]}}"#,
        #"{"inputs":{"b":[[10],[20]],"a":[[1],[2.5]],"z":["x","y"]}}"#,
        #"{"inputs":[{"b":10,"a":1},{"a":2.5,"b":20}]}"#,
    ])
    func takesNamedRows(body: String) async throws {
        let guarded = try WireFixture([Self.sum(Self.named)])
        for type in ["application/json", "application/json; charset=utf-8"] {
            let answer = await guarded.invoke(body, type: type)
            #expect(answer.status == 200 && answer.text == #"{"predictions":[11.0,22.5]}"#, "\(answer.text)")
        }
    }

    @Test(arguments: [
        #"{"dataframe_split":{"data":[[1,10],[2.5,20]]}}"#, #"{"instances":[[1,10],[2.5,20]]}"#,
        #"{"inputs":[[1,10],[2.5,20]]}"#, #"{"dataframe_split":{"columns":["any","name"],"data":[[1,10],[2.5,20]]}}"#,
        #"{"dataframe_split":{"columns":["f1","f0"],"data":[[10,1],[20,2.5]]}}"#,
        #"{"dataframe_split":{"columns":[0,1],"index":[0,1],"data":[[1,10],[2.5,20]]}}"#,
    ])
    func takesUnnamedRowsByPosition(body: String) async throws {
        let guarded = try WireFixture([Self.sum(Self.unnamed)])
        #expect(await guarded.invoke(body).text == #"{"predictions":[11.0,22.5]}"#)
        let refused = try WireFixture([Self.sum(Self.named)])
        let answer = await refused.invoke(body)
        #expect(answer.status == 400, "\(answer.text)")
    }

    @Test(arguments: [
        "a,b\n1,10\n2.5,20\n", "b,a\r\n10,1\r\n20,2.5", "z,\"a\",b\n\"q,\"\"\n\",1,10\n\n,2.5,20\n",
        "a,b\n+1, 10\n2.50,2e1",
        "a,b\n1.,10\n2.5,20",
    ])
    func takesCSV(body: String) async throws {
        let guarded = try WireFixture([Self.sum(Self.named)])
        let answer = await guarded.invoke(body, type: "text/csv; charset=utf-8")
        #expect(answer.text == #"{"predictions":[11.0,22.5]}"#, "\(answer.text)")
    }

    /// A server may declare nothing of its inputs; rows then have the width that callers give them.
    @Test(arguments: [
        (#"{"dataframe_split":{"data":[[1,10],[2.5,20]]}}"#, "application/json"),
        (#"{"inputs":[[1,10]]}"#, "application/json"),
        (#"{"instances":[1,2,3]}"#, "application/json"), ("a,b\n1,10\n", "text/csv"),
    ])
    func takesRowsForAModelThatDeclaresNoColumns(body: String, type: String) async throws {
        for shape in [[nil, nil], [nil, 0], [nil]] as [[Int?]] {
            let model = WireModels.model([.init(name: "input-0", type: .double, shape: shape)])
            let answer = await (try WireFixture([Self.sum(model)])).invoke(body, type: type)
            #expect(answer.status == 200 || answer.status == 400, "\(shape) \(answer.text)")
            if shape.count == 2 { #expect(answer.status == 200, "\(shape) \(answer.text)") }
        }
    }

    /// The address of MLflow's client of deployments.
    @Test func answersUnderEndpoints() async throws {
        let guarded = try WireFixture([Self.sum(Self.named)])
        let answer = await guarded.post(
            "/endpoints/m/invocations", #"{"inputs":{"a":[1],"b":[1]}}"#, [("content-type", "application/json")])
        #expect(answer.text == #"{"predictions":[2.0]}"#)
    }

    /// Missing values go to trees alone; levels by name.
    @Test func takesMissingValuesForTrees() async throws {
        let guarded = try WireFixture([Self.sum(Self.trees)])
        for (body, type) in [
            (#"{"dataframe_split":{"columns":["a","b"],"data":[[null,"v"],[3,null],[1,"u"]]}}"#, "application/json"),
            ("a,b\n,v\n3,NaN\n1,u\n", "text/csv"),
        ] {
            #expect(await guarded.invoke(body, type: type).text == #"{"predictions":[1001.0,1003.0,1.0]}"#)
        }
        let unknown = await guarded.invoke(#"{"dataframe_split":{"columns":["a","b"],"data":[[1,"w"]]}}"#)
        #expect(unknown.status == 422 && unknown.object["field"] as? String == "b")
        let other = try WireFixture([Self.sum(Self.named)])
        for (body, type) in [
            (#"{"inputs":{"a":[1,null],"b":[1,2]}}"#, "application/json"), ("a,b\n1,\n", "text/csv"),
        ] {
            let answer = await other.invoke(body, type: type)
            #expect(answer.status == 422, "\(answer.text)")
            #expect(answer.object["error_code"] as? String == "INVALID_PARAMETER_VALUE")
        }
    }

    /// Columns of several types arrive as the model declares them.
    @Test func keepsTypesOfColumns() async throws {
        let seen = Mutex<[NamedTensor]>([])
        var backend = WireBackend(description: Self.columns)
        backend.answer = { request in
            seen.withLock { $0 = request.inputs }
            return InferenceAnswer(
                outputs: [], predictions: nil, roles: .init(label: nil, scores: nil, kind: .value))
        }
        let guarded = try WireFixture([backend])
        for (body, type) in [
            (
                #"{"dataframe_records":[{"s":"u","n":9007199254740993,"p":0.1,"f":true},{"f":false,"n":-1,"s":"é","p":2}]}"#,
                "application/json"
            ), ("n,p,s,f\n9007199254740993,0.1,u,True\n-1,2,é,false\n", "text/csv"),
        ] {
            #expect(await guarded.invoke(body, type: type).status == 200)
            #expect(
                seen.withLock { $0 } == [
                    NamedTensor("n", Tensor(shape: [2, 1], .int64([9_007_199_254_740_993, -1]))),
                    NamedTensor("p", Tensor(shape: [2, 1], .double([0.1, 2]))),
                    NamedTensor("s", Tensor(shape: [2, 1], .string(["u", "é"]))),
                    NamedTensor("f", Tensor(shape: [2], .bool([true, false]))),
                ])
        }
        for cell in [
            #""n":1.5"#, #""n":"1""#, #""n":true"#, #""n":9223372036854775808"#, #""p":"x""#, #""s":1"#, #""f":1"#,
            #""p":[1]"#,
        ] {
            var row = ["n": "1", "p": "1", "s": "\"u\"", "f": "true"]
            row[String(cell.dropFirst().prefix(1))] = String(cell.dropFirst(4))
            let members = row.map { "\"\($0)\":\($1)" }.joined(separator: ",")
            let answer = await guarded.invoke("{\"dataframe_records\":[{\(members)}]}")
            #expect(answer.status == 400, "\(cell): \(answer.text)")
        }
        #expect(await guarded.invoke(#"{"dataframe_records":[{"n":null,"p":1,"s":"u","f":true}]}"#).status == 422)
        #expect(await guarded.invoke("n,p,s,f\n1,inf,u,True\n", type: "text/csv").status == 400)
    }

    @Test func takesTextsAndTensors() async throws {
        let text = try WireFixture([WireBackend(description: WireModels.vector(.string))])
        for (body, type) in [
            (#"{"inputs":["win a prize","no"]}"#, "application/json"),
            (#"{"instances":[["win a prize"],["no"]]}"#, "application/json"),
            (#"{"dataframe_split":{"columns":["text"],"data":[["win a prize"],["no"]]}}"#, "application/json"),
            (#"{"dataframe_records":[{"text":"win a prize"},{"text":"no"}]}"#, "application/json"),
            (#"{"inputs":{"anything":["win a prize","no"]}}"#, "application/json"),
            ("text\nwin a prize\nno\n", "text/csv"),
        ] {
            let answer = await text.invoke(body, type: type)
            #expect(answer.text == #"{"predictions":["win a prize","no"]}"#, "\(answer.text)")
        }
        let image = try WireFixture([
            WireBackend(
                description: WireModels.model([.init(name: "x", type: .float, shape: [nil, 1, 2, 2])], layout: .image))
        ])
        for key in ["inputs", "instances"] {
            let answer = await image.invoke("{\"\(key)\":[[[[1,2],[3,4]]],[[[5,6],[7,8]]]]}")
            #expect(answer.text == #"{"predictions":[1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0]}"#)
            for odd in ["[[1,2,3,4]]", "[[[[1,2],[3]]]]", "[]", "[[[[1,2],[3,4]],[[1,2],[3,4]]]]", "5", "{}"] {
                #expect(await image.invoke("{\"\(key)\":\(odd)}").status == 400)
            }
        }
    }

    /// Numbers that only the way to a narrow type makes infinite do not reach the model either.
    @Test(arguments: [(ModelSignature.ElementType.float16, "65520"), (.float16, "-1e6"), (.bfloat16, "3.4e38")])
    func keepsInfinitiesOut(type: ModelSignature.ElementType, number: String) async throws {
        let model = WireModels.model([.init(name: "x", type: type, shape: [nil, 1])], platform: "casemate_trees")
        let guarded = try WireFixture([WireBackend(description: model)])
        #expect(await guarded.invoke("{\"inputs\":[[\(number)]]}").status == 400)
        #expect(await guarded.invoke(#"{"inputs":[[2]]}"#).text == #"{"predictions":[2.0]}"#)
    }

    /// Classes are answered by name, as whole numbers where they are such.
    @Test(arguments: [
        (["setosa", "virginica"], "[\"virginica\",\"setosa\"]"), (["0", "1"], "[1,0]"), (["-1", "1"], "[1,-1]"),
        (["01", "1"], "[\"1\",\"01\"]"), (["3", "x"], "[\"x\",\"3\"]"), ([], "[1,0]"),
    ])
    func answersLabels(classes: [String], text: String) async throws {
        var backend = WireBackend(description: Self.named)
        backend.answer = { _ in
            InferenceAnswer(
                outputs: [],
                predictions: Predictions(
                    task: .binary, classes: classes, kind: .probabilities, scores: [0.1, 0.9, 0.8, 0.2], labels: [1, 0]),
                roles: .init(label: nil, scores: nil, kind: .probabilities))
        }
        let guarded = try WireFixture([backend])
        #expect(await guarded.invoke(#"{"inputs":{"a":[1,2],"b":[1,2]}}"#).text == "{\"predictions\":\(text)}")
    }

    @Test(arguments: [
        ("", ""), ("{}", ""), ("[]", ""), ("null", ""), (#"{"zqxj":1}"#, ""), (#"{"inputs":[],"instances":[]}"#, ""),
        (#"{"inputs":null}"#, "inputs"), (#"{"inputs":5}"#, "inputs"), (#"{"inputs":"zqxj"}"#, "inputs"),
        (#"{"inputs":[]}"#, "inputs"), (#"{"inputs":{}}"#, "a"), (#"{"inputs":{"a":1,"b":2}}"#, "inputs"),
        (#"{"inputs":{"a":[1],"b":[1,2]}}"#, "inputs"), (#"{"inputs":{"a":[],"b":[]}}"#, ""),
        (#"{"inputs":{"a":["zqxj"],"b":[1]}}"#, "a"), (#"{"inputs":{"a":[true],"b":[1]}}"#, "a"),
        (#"{"inputs":{"a":[1e39],"b":[1]}}"#, "a"), (#"{"inputs":{"a":[NaN],"b":[1]}}"#, "inputs.?[0]"),
        (#"{"inputs":{"a":[1],"zqxj":[1]}}"#, "b"), (#"{"inputs":[[1,2],[3]]}"#, ""),
        (#"{"instances":[{"a":1}]}"#, "b"),
        (#"{"instances":[{"a":1,"b":2},3]}"#, "instances[1]"), (#"{"instances":[{"a":1,"b":2},{"b":1}]}"#, "a"),
        (#"{"instances":[{"a":{},"b":2}]}"#, ""), (#"{"instances":[null]}"#, ""),
        (#"{"dataframe_split":[]}"#, "dataframe_split"),
        (#"{"dataframe_split":{"columns":["a","b"]}}"#, "dataframe_split"),
        (#"{"dataframe_split":{"columns":["a","a"],"data":[[1,2]]}}"#, "columns[1]"),
        (#"{"dataframe_split":{"columns":"ab","data":[[1,2]]}}"#, "dataframe_split.columns"),
        (#"{"dataframe_split":{"columns":["a",1],"data":[[1,2]]}}"#, "dataframe_split.columns[1]"),
        (#"{"dataframe_split":{"columns":["a","b"],"data":[[1,2],[3]]}}"#, "dataframe_split[1]"),
        (#"{"dataframe_split":{"columns":["a","b"],"data":[1,2]}}"#, "dataframe_split"),
        (#"{"dataframe_split":{"columns":["a","b"],"data":[]}}"#, ""),
        (#"{"dataframe_records":{}}"#, "dataframe_records"),
        (#"{"dataframe_records":[[1,2]]}"#, "dataframe_records[0]"),
        (#"{"inputs":{"a":[1],"b":[1]},"params":{"zqxj":1}}"#, "params"),
        (#"{"inputs":{"a":[1],"b":[1]},"params":[]}"#, "params"),
    ])
    func refusesBodies(body: String, field: String) async throws {
        let guarded = try WireFixture([Self.sum(Self.named)])
        let answer = await guarded.invoke(body)
        #expect(answer.status == 400, "\(body): \(answer.text)")
        #expect(answer.object["error_code"] as? String == "BAD_REQUEST")
        #expect(answer.object["message"] as? String == answer.object["error"] as? String)
        #expect(answer.object["field"] as? String ?? "" == field, "\(body): \(answer.text)")
        #expect(!answer.text.contains("zqxj"))
    }

    @Test(arguments: [
        "", "\n\n", "a,b\n", "a,b\n1\n", "a,b\n1,2,3\n", "a,a\n1,2\n", "a,c\n1,2\n", "a,b\n\"1,2\n", "a,b\n\"1\"x,2\n",
        "a,b\n1\"1,2\n", "a,b\nx,2\n", "\u{FEFF}a,b\n1,2\n", "a,b\n1e39,2\n", "a,b\n0x1,2\n", "a,b\ntrue,2\n",
        "a,b\n1\u{0},2\n",
        "a,b\n1 2,2\n", "a,b\n-,2\n", "a,b\n1e,2\n", "a,b\n--1,2\n", "a,b\nInfinity,2\n",
    ])
    func refusesCSV(body: String) async throws {
        let guarded = try WireFixture([Self.sum(Self.named)])
        let answer = await guarded.invoke(body, type: "text/csv")
        #expect(answer.status == 400 || answer.status == 422, "\(answer.text)")
    }

    @Test(arguments: ["", "text/plain", "application/xml", "text/csv; charset=latin-1", "application/octet-stream"])
    func takesTwoMediaTypes(type: String) async throws {
        let guarded = try WireFixture([Self.sum(Self.named)])
        let answer = await guarded.post(
            "/models/m/invocations", #"{"inputs":{"a":[1],"b":[1]}}"#, type.isEmpty ? [] : [("content-type", type)])
        #expect(answer.status == 415 && answer.object["error_code"] is String)
    }

    /// `/invocations` asks the last model of the file.
    @Test func namesTheModelOfTheShortPath() async throws {
        let first = WireModels.model([.init(name: "x", type: .float, shape: [nil])], name: "first")
        let guarded = try WireFixture([WireBackend(description: first), Self.sum(Self.named)])
        let generation = guarded.edge.generation
        let head = WireHead(method: "POST", path: "/invocations", headers: [.init("content-type", "application/json")])
        let route = try #require(try MLflowFace().route(head)?.resolved(in: generation))
        #expect(route.target == .init(name: "m", version: "1"))
        var exchange = Exchange(
            id: "0", trace: TraceContext(traceparent: nil), client: ClientIdentity(id: "c", method: .anonymous),
            face: "mlflow", model: "m", version: "1", arrival: 0, deadline: .max)
        let body = Array(#"{"inputs":{"a":[1],"b":[1]}}"#.utf8)
        let answer = try await route.handle(WireRequest(head: head, body: body), &exchange, generation)
        #expect(answer.text == #"{"predictions":[2.0]}"#)
        #expect(await guarded.ask("GET", "/ping").text == "\n")
        #expect(await guarded.ask("GET", "/version").text == GuardFacts.version)
        #expect(
            await guarded.post("/models/n/invocations", "{}", []).object["error_code"] as? String
                == "RESOURCE_DOES_NOT_EXIST")
    }

    /// Mutated bodies of all forms: an answer or a typed refusal, never a failure.
    @Test func neverFailsOnBrokenBodies() async throws {
        let guarded = try WireFixture([Self.sum(Self.trees)])
        let bodies = [
            (#"{"dataframe_split":{"columns":["a","b"],"data":[[1,"u"],[null,"v"]]},"params":{}}"#, "application/json"),
            (#"{"dataframe_records":[{"a":1,"b":"u"},{"b":null,"a":2.5}]}"#, "application/json"),
            (#"{"instances":[[1,2],[2.5,1]]}"#, "application/json"),
            (#"{"inputs":{"a":[1,2],"b":["u","v"]}}"#, "application/json"),
            ("a,b\n1,u\n\"2\",v\n,u\n", "text/csv"),
        ]
        var generator = SeededGenerator(seed: 31)
        var answered = 0
        for round in 0..<10_000 {
            let (text, type) = bodies[round % bodies.count]
            var body = Array(text.utf8)
            for _ in 0..<Int.random(in: 0..<4, using: &generator) where !body.isEmpty {
                OpenInferenceRefusalTests.mutate(&body, &generator)
            }
            let answer = await guarded.ask("POST", "/models/m/invocations", body, [("content-type", type)])
            if answer.status == 200 { answered += 1 }
            #expect(
                answer.status == 200 || (400..<500).contains(answer.status) && answer.object["message"] is String,
                "round \(round): \(answer.status) \(String(decoding: body, as: UTF8.self))")
        }
        #expect((1_000..<8_000).contains(answered))
    }
}
