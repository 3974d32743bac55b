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

extension Dictionary where Value == [UInt64] {
    /// Adds a number to the sorted ones of a key; most often it is the greatest.
    mutating func insert(_ number: UInt64, of key: Key) {
        self[key, default: []].insert(number)
    }

    /// Takes a number away from the sorted ones of a key, and the key with its last.
    mutating func remove(_ number: UInt64, of key: Key) {
        guard let index = index(forKey: key) else { return }
        let place = values[index].place(of: number) { $0 }
        if place < values[index].count, values[index][place] == number { values[index].remove(at: place) }
        if values[index].isEmpty { remove(at: index) }
    }
}

extension [UInt64] {
    fileprivate mutating func insert(_ number: UInt64) {
        let place = last.map { $0 < number } ?? true ? count : place(of: number) { $0 }
        if place == count || self[place] != number { insert(number, at: place) }
    }
}
