{{ mean_of_case_points(7) }}
