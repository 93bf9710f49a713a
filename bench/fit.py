"""The straight line through a sweep's points, and how far they are from it."""


def line(points):
    """(base, slope) of the line that keeps the points' relative distances small: least squares of (y - line) / y."""
    # The normal equations of sum((1 - base / y - slope * x / y) ** 2).
    weights = [1 / y**2 for _, y in points]
    w = sum(weights)
    wx = sum(weight * x for weight, (x, _) in zip(weights, points, strict=True))
    wxx = sum(weight * x * x for weight, (x, _) in zip(weights, points, strict=True))
    wy = sum(weight * y for weight, (_, y) in zip(weights, points, strict=True))
    wxy = sum(weight * x * y for weight, (x, y) in zip(weights, points, strict=True))
    slope = (w * wxy - wx * wy) / (w * wxx - wx * wx)
    return (wy - slope * wx) / w, slope


def deviation(points):
    """The farthest that any point is from that line, in per cent of what the line says there."""
    base, slope = line(points)
    return max(abs(y / (base + slope * x) - 1) * 100 for x, y in points)
