/// Memory of a fixed length that hot loops read and write without checks for uniqueness; owned by one thread.
package final class Scratch<Element: BitwiseCopyable> {
    package let values: UnsafeMutableBufferPointer<Element>

    /// Reserves `count` elements, all equal to `value`.
    package init(_ count: Int, filledWith value: Element) {
        values = .allocate(capacity: count)
        values.initialize(repeating: value)
    }
    deinit { values.deallocate() }

    /// One element; `index` is checked in debug builds only.
    @inline(__always)
    package subscript(index: Int) -> Element {
        get { values[index] }
        set { values[index] = newValue }
    }
    /// Row `index` of rows of `width` elements.
    @inline(__always)
    package func row(_ index: Int, _ width: Int) -> UnsafeMutableBufferPointer<Element> {
        UnsafeMutableBufferPointer(rebasing: values[index * width..<(index + 1) * width])
    }
}
