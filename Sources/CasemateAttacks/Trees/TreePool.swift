/// A list in memory of its own that hot loops read and append to without checks; owned by one thread.
final class TreePool<Element: BitwiseCopyable> {
    private(set) var base: UnsafeMutablePointer<Element>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 64) {
        self.capacity = max(capacity, 16)
        base = .allocate(capacity: self.capacity)
    }
    deinit { base.deallocate() }

    @inline(__always)
    subscript(index: Int) -> Element {
        get { base[index] }
        set { base[index] = newValue }
    }
    @inline(__always)
    func append(_ element: Element) {
        if count == capacity { grow(to: count + 1) }
        base[count] = element
        count += 1
    }
    /// Appends `number` equal elements.
    func append(repeating element: Element, _ number: Int) {
        if count + number > capacity { grow(to: count + number) }
        (base + count).update(repeating: element, count: number)
        count += number
    }
    /// Forgets all elements behind the first `number`.
    @inline(__always)
    func shrink(to number: Int) { count = number }

    private func grow(to number: Int) {
        capacity = max(number, capacity * 2)
        let next = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        next.update(from: base, count: count)
        base.deallocate()
        base = next
    }
}
