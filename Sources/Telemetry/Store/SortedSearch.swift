extension RandomAccessCollection where Index == Int {
    /// The first place whose key is not less than this one, in a collection that is sorted by that key; its end if
    /// there is none.
    func place<Key: Comparable>(of wanted: Key, _ key: (Element) -> Key) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if key(self[middle]) < wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
